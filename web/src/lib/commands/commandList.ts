/** The list of all commands with their keys, for menus, the keyboard and the help. */

import { WHOLE_MAP } from "../map/camera";
import { atlas } from "../state/atlas.svelte";
import { mapControl } from "../map/mapControl";
import { compareMarked } from "./comparing";
import { mergeMarked, recluster, splitSelection } from "./grouping";
import { setFilter } from "./filtering";
import { escape, findSimilar, openAudit, openQueue, similarityQueries, stepGroup } from "./gallery";
import { markDubious, include, redo, requireSelection, undo, validatePage } from "./naming";

export interface Command {
  id: string;
  /** `KeyboardEvent.key`, after "ctrl+" and "shift+". */
  keys: string[];
  title: string;
  group: "Name" | "Groups" | "Find" | "Look" | "Page";
  run(): void | Promise<void>;
  /** Whether it changes the run, and so waits for the commands before it. */
  changes?: boolean;
}

function prompt(name: "name" | "reason"): void {
  if (requireSelection()) atlas.view.prompt = name;
}

function relayer(by: number): void {
  const layers = atlas.data?.run.n_layers ?? 1;
  if (layers < 2) {
    atlas.notify("These images have one layer.");
    return;
  }
  const next = atlas.view.layer + by;
  atlas.view.layer = next < -1 ? layers - 1 : next >= layers ? -1 : next;
  atlas.notify(atlas.view.layer < 0 ? "The best layer of each" : `Layer ${atlas.view.layer + 1} of ${layers}`);
}

function setUpright(): void {
  const { data, view } = atlas;
  if (!data?.run.thumbnails.upright) {
    atlas.notify("The method of this run set no images upright.");
    return;
  }
  view.upright = !view.upright;
  atlas.notify(view.upright ? "Images as the method set them upright" : "Images as they are");
}

function mark(): void {
  const { target, marked } = atlas.view;
  if (target.kind !== "group") return;
  if (marked.has(target.group)) marked.delete(target.group);
  else marked.add(target.group);
  atlas.notify(`${marked.size} marked: open another group and press g to merge.`);
}

function grow(): void {
  const { data, view } = atlas;
  const id =
    view.target.kind === "class"
      ? view.target.class
      : view.target.kind === "group"
        ? (data?.counts.groups.get(view.target.group)?.class ?? 0)
        : 0;
  const row = data?.classOf(id);
  if (!row) {
    view.tab = "classes";
    atlas.notify("Open a class first: it grows by the images most similar to it.");
    return;
  }
  view.task = { kind: "grow", class: id, name: row.name };
}

export const COMMANDS: Command[] = [
  { id: "name", keys: ["/"], title: "Name: type a class", group: "Name", run: () => prompt("name") },
  { id: "validate", keys: ["v"], title: "Validate the page", group: "Name", changes: true, run: validatePage },
  { id: "exclude", keys: ["e"], title: "Exclude, with a reason", group: "Name", run: () => prompt("reason") },
  { id: "include", keys: ["shift+E"], title: "Take back in", group: "Name", changes: true, run: include },
  { id: "dubious", keys: ["d"], title: "Mark as dubious", group: "Name", changes: true, run: markDubious },
  {
    id: "note",
    keys: ["shift+N"],
    title: "Write a note on the image",
    group: "Name",
    run: () => {
      atlas.view.inspector = true;
      atlas.view.noting = true;
    },
  },
  { id: "undo", keys: ["ctrl+z"], title: "Undo", group: "Name", changes: true, run: undo },
  { id: "redo", keys: ["ctrl+shift+Z", "ctrl+y"], title: "Redo", group: "Name", changes: true, run: redo },
  {
    id: "next",
    keys: [" "],
    title: "Next group without a name",
    group: "Groups",
    changes: true,
    run: () => stepGroup(1),
  },
  { id: "back", keys: ["shift+ "], title: "Group before", group: "Groups", changes: true, run: () => stepGroup(-1) },
  {
    id: "compare",
    keys: ["c"],
    title: "Two groups side by side",
    group: "Groups",
    run: compareMarked,
  },
  { id: "mark", keys: ["m"], title: "Mark the group for merging", group: "Groups", run: mark },
  { id: "merge", keys: ["g"], title: "Merge groups", group: "Groups", changes: true, run: mergeMarked },
  {
    id: "split",
    keys: ["k"],
    title: "Split by lasso, or take the picked out",
    group: "Groups",
    changes: true,
    run: splitSelection,
  },
  { id: "recluster", keys: ["r"], title: "Re-cluster in place", group: "Groups", run: () => recluster() },
  {
    id: "similar",
    keys: ["s"],
    title: "Find similar images",
    group: "Find",
    run: () => findSimilar(similarityQueries()),
  },
  { id: "grow", keys: ["b"], title: "Grow the class by bisection", group: "Find", run: grow },
  {
    id: "uncertain",
    keys: ["u"],
    title: "The least certain images",
    group: "Find",
    run: () => openQueue("least_certain"),
  },
  {
    id: "disagree",
    keys: ["w"],
    title: "Names that the classifier doubts",
    group: "Find",
    run: () => openQueue("disagree"),
  },
  {
    id: "unseen",
    keys: ["n"],
    title: "Images never looked at",
    group: "Find",
    run: () => openQueue("never_looked_at"),
  },
  { id: "audit", keys: ["a"], title: "Blind audit", group: "Find", run: () => openAudit() },
  { id: "queues", keys: ["q"], title: "Quality queues", group: "Find", run: () => void (atlas.view.tab = "queues") },
  { id: "filter", keys: ["f"], title: "Filter", group: "Find", run: () => void (atlas.view.tab = "filter") },
  { id: "unfilter", keys: ["shift+F"], title: "Take the filter off", group: "Find", run: () => setFilter([]) },
  { id: "find", keys: ["j"], title: "Find images by id", group: "Find", run: () => void (atlas.view.prompt = "find") },
  {
    id: "views",
    keys: ["shift+V"],
    title: "Saved views",
    group: "Find",
    run: () => void (atlas.view.prompt = "views"),
  },
  { id: "lasso", keys: ["l"], title: "Lasso", group: "Look", run: () => toggleTool("lasso") },
  { id: "brush", keys: ["p"], title: "Brush", group: "Look", run: () => toggleTool("brush") },
  { id: "zoom", keys: ["z"], title: "Zoom to what is chosen", group: "Look", run: () => mapControl.zoomToTarget() },
  { id: "whole", keys: ["Home"], title: "Whole map", group: "Look", run: () => void (atlas.view.camera = WHOLE_MAP) },
  { id: "layerdown", keys: ["["], title: "Focal layer before", group: "Look", run: () => relayer(-1) },
  { id: "layerup", keys: ["]"], title: "Next focal layer", group: "Look", run: () => relayer(1) },
  { id: "upright", keys: ["o"], title: "Set upright, or as they are", group: "Look", run: setUpright },
  {
    id: "inspect",
    keys: ["i"],
    title: "Inspector",
    group: "Look",
    run: () => void (atlas.view.inspector = !atlas.view.inspector),
  },
  {
    id: "table",
    keys: ["t"],
    title: "Counts and ratios",
    group: "Page",
    run: () => void (atlas.view.table = !atlas.view.table),
  },
  {
    id: "theme",
    keys: ["shift+D"],
    title: "Dark or light",
    group: "Page",
    run: () => void (atlas.view.dark = !atlas.view.dark),
  },
  {
    id: "export",
    keys: ["x"],
    title: "Export and report",
    group: "Page",
    run: () => void (atlas.view.prompt = "export"),
  },
  { id: "help", keys: ["?", "h"], title: "All keys", group: "Page", run: () => void (atlas.view.prompt = "help") },
  { id: "escape", keys: ["Escape"], title: "Leave, let go, go back", group: "Page", run: escape },
];

function toggleTool(tool: "lasso" | "brush"): void {
  atlas.view.tool = atlas.view.tool === tool ? "move" : tool;
}

export function command(id: string): Command {
  return COMMANDS.find((one) => one.id === id)!;
}

export function run(one: Command): void {
  if (one.changes) void atlas.queue(async () => one.run());
  else void atlas.attempt(async () => one.run());
}
