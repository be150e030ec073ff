/** Returns in words how long something still takes; empty while too little is done to tell. */
export function timeLeft(done: number, seconds: number): string {
  if (seconds < 1.5 || done < 0.02) return "";
  const left = (seconds * (1 - done)) / done;
  if (left < 1) return "nearly done";
  return left < 90 ? `about ${Math.ceil(left)} s left` : `about ${Math.ceil(left / 60)} min left`;
}
