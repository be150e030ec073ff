/**
 * Finds where a class ends in a list sorted by similarity, by asking about few of its pages.
 *
 * After Schröder et al. 2020 (MorphoCluster, doi 10.3390/s20113060): the jump doubles until the first page that does not
 * belong to the class; then the boundary is searched between the last page that belongs and the first that does not.
 * They ask at a quarter of that interval; its middle needs fewer answers at worst, and no more in the median.
 */
export interface BoundarySearch {
  readonly pages: number;
  /** The page to ask about. */
  readonly page: number;
  /** The last page that is known to belong, -1 before the first. */
  readonly good: number;
  /** The first page that is known not to belong, `pages` before there is one. */
  readonly bad: number;
  readonly jump: number;
  readonly answers: readonly boolean[];
  readonly done: boolean;
}

export function startSearch(pages: number): BoundarySearch {
  return { pages, page: 0, good: -1, bad: pages, jump: 1, answers: [], done: pages === 0 };
}

/** Returns the search after the answer whether its page belongs to the class. */
export function answerPage(search: BoundarySearch, belongs: boolean): BoundarySearch {
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

/** Returns the search before the last answer. */
export function undoAnswer(search: BoundarySearch): BoundarySearch {
  return search.answers.slice(0, -1).reduce(answerPage, startSearch(search.pages));
}
