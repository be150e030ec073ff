/** Searches names: those that start with the text, then those with a word that does, then those that contain it. */

export function searchNames<T extends { name: string }>(rows: readonly T[], typed: string): T[] {
  const text = normalise(typed.trim());
  if (!text) return [...rows];
  const rank = (name: string): number => {
    const normalised = normalise(name);
    if (normalised.startsWith(text)) return 0;
    if (normalised.split(/[\s\-_/]+/).some((word) => word.startsWith(text))) return 1;
    return normalised.includes(text) ? 2 : 3;
  };
  return rows
    .map((row) => ({ row, rank: rank(row.name) }))
    .filter(({ rank: found }) => found < 3)
    .sort((a, b) => a.rank - b.rank)
    .map(({ row }) => row);
}

function normalise(text: string): string {
  return text
    .normalize("NFD")
    .replace(/\p{Mark}/gu, "")
    .toLowerCase();
}
