import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";

export interface Column<Row> {
  readonly name: string;
  readonly cell: (row: Row) => ComponentChildren;
  /** The sort key of a row. Without it, the column cannot be sorted. */
  readonly sort?: (row: Row) => string | number;
  /** Whether it has figures, which are aligned at their end. */
  readonly figures?: boolean;
  /** Left out on a narrow page: the page that the row opens has it too. */
  readonly minor?: boolean;
  /** Whether the column takes the remaining width. */
  readonly wide?: boolean;
}

interface TableProps<Row> {
  /** What the rows are, for screen readers. */
  label: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  rowKey: (row: Row) => string;
  /** The address that a row opens; its first cell is the link. */
  open?: (row: Row) => string;
  /** Whether a row is the one that is open. */
  selected?: (row: Row) => boolean;
  /** Whether rows become cards on a narrow page; true by default. */
  fold?: boolean;
}

/** With more rows than this, only those in view are in the document. */
const MOST_WHOLE = 300;
const ROW_HEIGHT = 33;
const ROWS_AROUND = 10;

/** A dense, sortable table. Only the rows in view cost time. */
export function Table<Row>(props: TableProps<Row>) {
  const { label, columns, rows, rowKey, open, selected, fold = true } = props;
  const sorting = useSignal<{ name: string; up: boolean } | null>(null);
  const top = useSignal(0);
  const order = sorting.value;
  const sorted = order ? sortedBy(rows, columns, order) : rows;
  const virtual = rows.length > MOST_WHOLE;
  const first = virtual ? Math.max(top.value - ROWS_AROUND, 0) : 0;
  const last = virtual
    ? Math.min(top.value + inView() + 2 * ROWS_AROUND, rows.length)
    : rows.length;

  const sort = (name: string) => {
    sorting.value = { name, up: order?.name === name ? !order.up : true };
  };
  return (
    <section
      class={`table ${virtual ? "virtual" : ""} ${fold && !virtual ? "fold" : ""}`}
      aria-label={label}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
      tabIndex={0}
      onScroll={(event) => {
        // Redraw when another block of rows comes into view, not at each step of the scroll.
        const row = Math.floor(event.currentTarget.scrollTop / ROW_HEIGHT);
        top.value = row - (row % ROWS_AROUND);
      }}
    >
      <table aria-rowcount={virtual ? rows.length + 1 : undefined}>
        <thead>
          <tr>
            {columns.map((column) => (
              <th
                key={column.name}
                scope="col"
                class={classOf(column)}
                aria-sort={ariaSort(column, order)}
              >
                {column.sort ? (
                  <button type="button" class="sort" onClick={() => sort(column.name)}>
                    {column.name}
                    <span class="arrow" aria-hidden="true">
                      {order?.name === column.name ? (order.up ? "▲" : "▼") : ""}
                    </span>
                  </button>
                ) : (
                  column.name || <span class="hidden">Actions</span>
                )}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          <Gap rows={first} columns={columns.length} />
          {sorted.slice(first, last).map((row, index) => (
            <tr
              key={rowKey(row)}
              class={`${open ? "opens" : ""} ${selected?.(row) ? "selected" : ""}`}
              aria-rowindex={virtual ? first + index + 2 : undefined}
            >
              {columns.map((column, place) => (
                <td key={column.name} class={classOf(column)} data-label={column.name}>
                  {open && place === 0 ? (
                    <a
                      class="row-link"
                      href={open(row)}
                      aria-current={selected?.(row) ? "true" : undefined}
                    >
                      {column.cell(row)}
                    </a>
                  ) : (
                    column.cell(row)
                  )}
                </td>
              ))}
            </tr>
          ))}
          <Gap rows={rows.length - last} columns={columns.length} />
        </tbody>
      </table>
    </section>
  );
}

/** The room of rows that are not in the document. */
function Gap({ rows, columns }: { rows: number; columns: number }) {
  if (rows <= 0) return null;
  return (
    <tr>
      <td class="gap" colSpan={columns} style={{ height: `${rows * ROW_HEIGHT}px` }} />
    </tr>
  );
}

function inView(): number {
  return Math.ceil(innerHeight / ROW_HEIGHT);
}

function classOf<Row>({ figures, minor, wide }: Column<Row>): string {
  return [figures && "figures", minor && "minor", wide && "wide"].filter(Boolean).join(" ");
}

function ariaSort<Row>(column: Column<Row>, order: { name: string; up: boolean } | null) {
  if (!column.sort || order?.name !== column.name) return undefined;
  return order.up ? ("ascending" as const) : ("descending" as const);
}

function sortedBy<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  { name, up }: { name: string; up: boolean },
): readonly Row[] {
  const key = columns.find((column) => column.name === name)?.sort;
  if (!key) return rows;
  const sign = up ? 1 : -1;
  return rows
    .map((row) => ({ row, key: key(row) }))
    .sort((one, other) => sign * compared(one.key, other.key))
    .map(({ row }) => row);
}

function compared(one: string | number, other: string | number): number {
  if (typeof one === "number" && typeof other === "number") return one - other;
  return String(one) < String(other) ? -1 : Number(String(one) !== String(other));
}
