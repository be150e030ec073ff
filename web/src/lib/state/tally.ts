/** Counts of what the images are called, by class and by group, in one pass over them. */

export interface ClassTally {
  n: number;
  validated: number;
  predicted: number;
  dubious: number;
}

export interface GroupTally {
  size: number;
  named: number;
  excluded: number;
  validated: number;
  /** The class of most of its named images, 0 if none is named. */
  class: number;
}

export interface Tally {
  classes: Map<number, ClassTally>;
  groups: Map<number, GroupTally>;
  unnamed: number;
  excluded: number;
}

const PREDICTED = 1;
const VALIDATED = 2;
const DUBIOUS = 3;
const EXCLUDED = 4;

export function tally(classes: Uint16Array, states: Uint8Array, groups: Int32Array): Tally {
  const n = classes.length;
  const place = new Map<number, number>();
  const places = new Uint32Array(n);
  for (let row = 0, last = NaN, at = 0; row < n; row++) {
    if (groups[row] !== last) {
      last = groups[row];
      const known = place.get(last);
      at = known ?? place.size;
      if (known === undefined) place.set(last, at);
    }
    places[row] = at;
  }
  let width = 1;
  for (let row = 0; row < n; row++) if (classes[row] >= width) width = classes[row] + 1;
  const byState = new Uint32Array(width * 5);
  const table = new Uint32Array(place.size * width);
  const byGroup = new Uint32Array(place.size * 5);
  for (let row = 0; row < n; row++) {
    const state = states[row];
    byGroup[places[row] * 5 + state]++;
    byState[classes[row] * 5 + state]++;
    if (state !== EXCLUDED) table[places[row] * width + classes[row]]++;
  }
  return {
    classes: classTallies(byState, width),
    groups: groupTallies(place, byGroup, table, width),
    unnamed: byState[0] + byState[PREDICTED] + byState[VALIDATED] + byState[DUBIOUS],
    excluded: sumOf(byState, width, EXCLUDED),
  };
}

function sumOf(byState: Uint32Array, width: number, state: number): number {
  let sum = 0;
  for (let id = 0; id < width; id++) sum += byState[id * 5 + state];
  return sum;
}

function classTallies(byState: Uint32Array, width: number): Map<number, ClassTally> {
  const classes = new Map<number, ClassTally>();
  for (let id = 1; id < width; id++) {
    const predicted = byState[id * 5 + PREDICTED];
    const validated = byState[id * 5 + VALIDATED];
    const dubious = byState[id * 5 + DUBIOUS];
    classes.set(id, { n: predicted + validated + dubious, validated, predicted, dubious });
  }
  return classes;
}

function groupTallies(
  place: Map<number, number>,
  byGroup: Uint32Array,
  table: Uint32Array,
  width: number,
): Map<number, GroupTally> {
  const groups = new Map<number, GroupTally>();
  for (const [group, at] of place) {
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
