/** Counts the images of each class and group. */

export interface ClassCounts {
  n: number;
  validated: number;
  predicted: number;
  dubious: number;
}

export interface GroupCounts {
  size: number;
  named: number;
  excluded: number;
  validated: number;
  /** The most frequent class of its images, 0 if none has a class. */
  class: number;
}

export interface ImageCounts {
  classes: Map<number, ClassCounts>;
  groups: Map<number, GroupCounts>;
  unnamed: number;
  excluded: number;
}

const PREDICTED = 1;
const VALIDATED = 2;
const DUBIOUS = 3;
const EXCLUDED = 4;

export function countImages(classes: Uint16Array, states: Uint8Array, groups: Int32Array): ImageCounts {
  const n = classes.length;
  const { index, indexOf } = groupIndex(groups);
  let width = 1;
  for (let row = 0; row < n; row++) if (classes[row] >= width) width = classes[row] + 1;
  const byState = new Uint32Array(width * 5);
  const table = new Uint32Array(indexOf.size * width);
  const byGroup = new Uint32Array(indexOf.size * 5);
  for (let row = 0; row < n; row++) {
    const state = states[row];
    byGroup[index[row] * 5 + state]++;
    byState[classes[row] * 5 + state]++;
    if (state !== EXCLUDED) table[index[row] * width + classes[row]]++;
  }
  return {
    classes: classCounts(byState, width),
    groups: groupCounts(indexOf, byGroup, table, width),
    unnamed: byState[0] + byState[PREDICTED] + byState[VALIDATED] + byState[DUBIOUS],
    excluded: sumOf(byState, width, EXCLUDED),
  };
}

/** Numbers the groups in the order in which they come; group numbers are small, so that a table is quicker than a map. */
export function groupIndex(groups: Int32Array): { index: Uint32Array; indexOf: Map<number, number> } {
  let most = -1;
  for (let row = 0; row < groups.length; row++) if (groups[row] > most) most = groups[row];
  // One more than the number of a group, which begins at -1; 0 where none has come yet.
  const places = new Uint32Array(most + 2);
  const indexOf = new Map<number, number>();
  const index = new Uint32Array(groups.length);
  for (let row = 0; row < groups.length; row++) {
    const group = groups[row];
    if (places[group + 1] === 0) {
      indexOf.set(group, indexOf.size);
      places[group + 1] = indexOf.size;
    }
    index[row] = places[group + 1] - 1;
  }
  return { index, indexOf };
}

function sumOf(byState: Uint32Array, width: number, state: number): number {
  let sum = 0;
  for (let id = 0; id < width; id++) sum += byState[id * 5 + state];
  return sum;
}

function classCounts(byState: Uint32Array, width: number): Map<number, ClassCounts> {
  const classes = new Map<number, ClassCounts>();
  for (let id = 1; id < width; id++) {
    const predicted = byState[id * 5 + PREDICTED];
    const validated = byState[id * 5 + VALIDATED];
    const dubious = byState[id * 5 + DUBIOUS];
    classes.set(id, { n: predicted + validated + dubious, validated, predicted, dubious });
  }
  return classes;
}

function groupCounts(
  indexOf: Map<number, number>,
  byGroup: Uint32Array,
  table: Uint32Array,
  width: number,
): Map<number, GroupCounts> {
  const groups = new Map<number, GroupCounts>();
  for (const [group, at] of indexOf) {
    const states = byGroup.subarray(at * 5, at * 5 + 5);
    const counts = table.subarray(at * width, (at + 1) * width);
    let most = 0;
    let named = 0;
    for (let id = 1; id < width; id++) {
      named += counts[id];
      if (counts[id] > (most ? counts[most] : 0)) most = id;
    }
    const size = states[0] + states[PREDICTED] + states[VALIDATED] + states[DUBIOUS] + states[EXCLUDED];
    groups.set(group, { size, named, excluded: states[EXCLUDED], validated: states[VALIDATED], class: most });
  }
  return groups;
}
