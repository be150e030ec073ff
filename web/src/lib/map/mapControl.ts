/** The functions of the map that commands call; the map sets them when it is mounted. */
export const mapControl: { zoomToTarget(): void; zoomToRow(row: number): void; zoomBy(factor: number): void } = {
  zoomToTarget: () => undefined,
  zoomToRow: () => undefined,
  zoomBy: () => undefined,
};
