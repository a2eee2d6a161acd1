// One line of what `throughline doctor` finds.
export interface Finding {
  readonly check: string;
  readonly state: 'ok' | 'warning' | 'broken';
  readonly says: string;
}
