// Deleting is for good, so it is asked once.
import { useEffect, useRef, type ReactNode } from 'react';

export function DeleteDialog(props: {
  /** Of the conversation in question; undefined while there is none. */
  readonly title: string | undefined;
  readonly onDelete: () => void;
  readonly onClose: () => void;
}): ReactNode {
  const { title, onDelete, onClose } = props;
  const dialog = useRef<HTMLDialogElement>(null);
  const isOpen = title !== undefined;
  useEffect(() => {
    if (isOpen) dialog.current?.showModal();
    else dialog.current?.close();
  }, [isOpen]);
  return (
    <dialog ref={dialog} onClose={onClose} aria-labelledby="delete-title">
      <h2 id="delete-title">Delete “{title}”?</h2>
      <p>It leaves the list in every tab and on every device, for good. To put it out of sight, archive it.</p>
      <div className="dialog-actions">
        <button type="button" onClick={onClose}>
          Keep it
        </button>
        <button
          type="button"
          className="danger"
          onClick={() => {
            onDelete();
            onClose();
          }}
        >
          Delete
        </button>
      </div>
    </dialog>
  );
}
