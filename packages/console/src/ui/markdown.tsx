// Answers as Markdown, while they stream and after. Streamdown (github.com/vercel/streamdown) splits the text into blocks,
// closes what is still open, and renders again only the block that grew.
//
// An answer is text from outside and is never trusted:
//   * raw HTML is shown as the characters it is made of (the `raw` plugin is left out), what is left is sanitised;
//   * links go through rehype-harden (no javascript:, no data:) and open apart, without a handle on this page;
//   * images are not loaded: a picture's address would tell a stranger that it was looked at. Its text becomes a link.
import { memo, useMemo, type ComponentProps, type ReactNode } from 'react';
import { defaultRehypePlugins, Streamdown, type Components } from 'streamdown';
import { CodeBlock } from './code-block.tsx';

type ElementProps<Tag extends keyof React.JSX.IntrinsicElements> = ComponentProps<Tag> & { node?: unknown };

const plain = <Tag extends keyof React.JSX.IntrinsicElements>(Tag: Tag) => {
  // Streamdown's own elements carry class names of a style sheet that this page does not have.
  return ({ node: _node, ...props }: ElementProps<Tag>): ReactNode => {
    const Element = Tag as React.ElementType;
    return <Element {...props} />;
  };
};

function Link({ node: _node, href, children, ...props }: ElementProps<'a'>): ReactNode {
  if (href === undefined) return <span>{children}</span>;
  // A footnote's mark stays on the page.
  const apart = href.startsWith('#') ? {} : { target: '_blank', rel: 'noopener noreferrer nofollow' };
  return (
    <a {...props} href={href} {...apart}>
      {children}
    </a>
  );
}

function Image({ src, alt }: ElementProps<'img'>): ReactNode {
  const text = alt === undefined || alt === '' ? 'image' : `image: ${alt}`;
  return typeof src === 'string' && /^https?:/.test(src) ? <Link href={src}>[{text}]</Link> : <span>[{text}]</span>;
}

/** Of a task list. */
function Checkbox({ node: _node, ...props }: ElementProps<'input'>): ReactNode {
  return <input {...props} aria-label={props.checked === true ? 'done' : 'open'} />;
}

function Table({ node: _node, ...props }: ElementProps<'table'>): ReactNode {
  return (
    <div className="table-scroll" tabIndex={0} role="group" aria-label="Table">
      <table {...props} />
    </div>
  );
}

const components = {
  a: Link,
  img: Image,
  pre: CodeBlock,
  table: Table,
  // Each turn has a heading of the second level; an answer's own stand below it, so that the outline is one tree.
  h1: ({ children }: ElementProps<'h1'>) => <h3 className="h1">{children}</h3>,
  // The one h2 that is not the answer's own is the hidden label of its footnotes.
  h2: ({ children, className, id }: ElementProps<'h2'>) => (
    <h3 id={id} className={className === 'sr-only' ? 'visually-hidden' : undefined}>
      {children}
    </h3>
  ),
  h3: ({ children }: ElementProps<'h3'>) => <h4>{children}</h4>,
  h4: ({ children }: ElementProps<'h4'>) => <h5>{children}</h5>,
  h5: ({ children }: ElementProps<'h5'>) => <h6>{children}</h6>,
  h6: ({ children }: ElementProps<'h6'>) => <h6>{children}</h6>,
  input: Checkbox,
  code: plain('code'),
  inlineCode: plain('code'),
  blockquote: plain('blockquote'),
  hr: plain('hr'),
  li: plain('li'),
  ol: plain('ol'),
  ul: plain('ul'),
  p: plain('p'),
  section: plain('section'),
  strong: plain('strong'),
  sub: plain('sub'),
  sup: plain('sup'),
  thead: plain('thead'),
  tbody: plain('tbody'),
  tr: plain('tr'),
  th: plain('th'),
  td: plain('td'),
} as unknown as Components;

const { raw: _raw, ...safe } = defaultRehypePlugins;
const rehypePlugins = Object.values(safe);
/** Streamdown would ask before each link; links say where they go, and open without a handle on this page. */
const noQuestion = { enabled: false };

export const Markdown = memo(function Markdown(props: {
  readonly text: string;
  readonly isStreaming: boolean;
  /** Tells this text from all others of the page: its footnotes' addresses begin with it. */
  readonly id: string;
}): ReactNode {
  const remarkRehypeOptions = useMemo(() => ({ clobberPrefix: `${props.id}-` }), [props.id]);
  return (
    <Streamdown
      className="markdown"
      data-streaming={props.isStreaming}
      // The same mode after the end: `static` would parse the whole text again as one block and rebuild every element.
      mode="streaming"
      parseIncompleteMarkdown={props.isStreaming}
      components={components}
      rehypePlugins={rehypePlugins}
      remarkRehypeOptions={remarkRehypeOptions}
      linkSafety={noQuestion}
      controls={false}
    >
      {props.text}
    </Streamdown>
  );
});
