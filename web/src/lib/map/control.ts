/** What commands may ask of the map, once it is there. */
export const mapControl: { zoomToTarget(): void; zoomToRow(row: number): void } = {
  zoomToTarget: () => undefined,
  zoomToRow: () => undefined,
};
