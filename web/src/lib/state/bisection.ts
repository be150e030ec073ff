/**
 * Where a class ends in a list ordered by similarity, found by looking at few of its pages.
 *
 * After Schröder et al. 2020 (MorphoCluster, doi 10.3390/s20113060): the jump doubles until the first page that does not
 * belong to the class; then the boundary is looked for between the last good page and the first bad one. They look at a
 * quarter of the way; the middle needs fewer answers at worst, and no more in the median.
 */
export interface Search {
  readonly pages: number;
  /** The page to look at. */
  readonly page: number;
  /** The last page known good, -1 before the first. */
  readonly good: number;
  /** The first page known bad, `pages` before there is one. */
  readonly bad: number;
  readonly jump: number;
  readonly answers: readonly boolean[];
  readonly done: boolean;
}

export function begin(pages: number): Search {
  return { pages, page: 0, good: -1, bad: pages, jump: 1, answers: [], done: pages === 0 };
}

/** Say whether the page belongs to the class. */
export function answer(search: Search, belongs: boolean): Search {
  if (search.done) return search;
  const good = belongs ? search.page : search.good;
  const bad = belongs ? search.bad : search.page;
  const answers = [...search.answers, belongs];
  if (bad - good <= 1) return { ...search, good, bad, answers, done: true };
  if (bad === search.pages && belongs) {
    const page = Math.min(search.pages - 1, good + search.jump);
    return { ...search, good, page, jump: search.jump * 2, answers };
  }
  const page = Math.max(good + 1, Math.min(bad - 1, good + Math.floor((bad - good) / 2)));
  return { ...search, good, bad, page, answers };
}

/** Take back the last answer. */
export function back(search: Search): Search {
  return search.answers.slice(0, -1).reduce(answer, begin(search.pages));
}
