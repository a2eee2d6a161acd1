// DuckDB's values as JSON: whole numbers up to 2^53 as numbers and beyond as decimal strings, decimals likewise where a
// double holds them, timestamps as ISO 8601 in UTC, NaN and the infinities as strings (JSON has none), blobs as DuckDB
// prints them.
import type { DuckDBType, DuckDBValue, DuckDBValueConverter, Json } from '@duckdb/node-api';
import type { DuckDbLibrary } from '@throughline/fold';

/** Makes the converter; the library is handed in, because it is loaded only when a database is opened. */
export function jsonCells(library: DuckDbLibrary): DuckDBValueConverter<Json> {
  const { DuckDBTypeId, DuckDBTimestampValue, DuckDBTimestampTZValue, JsonDuckDBValueConverter } = library;
  const wholeTypes = new Set<number>([
    DuckDBTypeId.BIGINT,
    DuckDBTypeId.UBIGINT,
    DuckDBTypeId.HUGEINT,
    DuckDBTypeId.UHUGEINT,
  ]);
  return (value: DuckDBValue, type: DuckDBType, converter: DuckDBValueConverter<Json>): Json => {
    if (value === null) return null;
    if (wholeTypes.has(type.typeId)) {
      const number = Number(value);
      return Number.isSafeInteger(number) ? number : String(value);
    }
    if (type.typeId === DuckDBTypeId.DECIMAL) {
      const text = String(value);
      return text.replace(/[-.]/g, '').length <= 15 ? Number(text) : text;
    }
    if (value instanceof DuckDBTimestampValue || value instanceof DuckDBTimestampTZValue) {
      const micros = ((value.micros % 1000n) + 1000n) % 1000n;
      const date = new Date(Number((value.micros - micros) / 1000n));
      if (Number.isNaN(date.getTime())) return String(value);
      const text = date.toISOString();
      return micros === 0n ? text : `${text.slice(0, -1)}${String(micros).padStart(3, '0')}Z`;
    }
    return JsonDuckDBValueConverter(value, type, converter);
  };
}

/** The name of a column's type; JSON is a VARCHAR with another name. */
export function typeName(type: DuckDBType): string {
  return type.alias ?? String(type);
}
