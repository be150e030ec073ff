/** Draws all points with WebGL2; positions are uploaded once, styles and flags whenever they change. */

import type { Camera } from "./camera";
import type { MarkerStyle } from "./styles";
import { FRAGMENT, VERTEX } from "./shaders";

const PALETTE_SIDE = 256;
/** While the map moves, at least so many points are drawn, however long a frame takes. */
const THINNED_ABOVE = 150_000;
const SLOW_FRAME_MS = 40;

export class NoWebGl extends Error {}

export class PointsLayer {
  readonly #gl: WebGL2RenderingContext;
  readonly #program: WebGLProgram;
  readonly #uniforms: Record<string, WebGLUniformLocation | null> = {};
  readonly #positions: WebGLBuffer;
  readonly #styles: WebGLBuffer;
  readonly #flags: WebGLBuffer;
  readonly #order: WebGLBuffer;
  readonly #palette: WebGLTexture;
  #count = 0;
  #anyDim = false;
  #budget = Infinity;

  constructor(canvas: HTMLCanvasElement) {
    const gl = canvas.getContext("webgl2", { antialias: false, alpha: true, preserveDrawingBuffer: false });
    if (!gl) throw new NoWebGl("no WebGL2");
    this.#gl = gl;
    this.#program = link(gl);
    for (const name of ["centre", "scale", "size", "opacity", "dimness", "brightPass", "palette"]) {
      this.#uniforms[name] = gl.getUniformLocation(this.#program, name);
    }
    [this.#positions, this.#styles, this.#flags, this.#order] = [0, 1, 2, 3].map(() => gl.createBuffer());
    this.#palette = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, this.#palette);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
    this.#describe();
    // Without a graphics card, a random sample is drawn while the map moves, and all points when it stops.
    if (/swiftshader|llvmpipe|software/i.test(rendererName(gl))) this.#budget = THINNED_ABOVE;
  }

  /** @param positions x and y of each point, interleaved. */
  setPositions(positions: Float32Array): void {
    const gl = this.#gl;
    this.#count = positions.length >> 1;
    gl.bindBuffer(gl.ARRAY_BUFFER, this.#positions);
    gl.bufferData(gl.ARRAY_BUFFER, positions, gl.STATIC_DRAW);
    // In random order, so that no group covers the others, and the first points are a random sample.
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.#order);
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, shuffled(this.#count), gl.STATIC_DRAW);
    this.setStyles(new Uint16Array(this.#count));
    this.setFlags(new Uint8Array(this.#count).fill(1));
  }

  /** @param styles index in the palette of each point. */
  setStyles(styles: Uint16Array): void {
    this.#gl.bindBuffer(this.#gl.ARRAY_BUFFER, this.#styles);
    this.#gl.bufferData(this.#gl.ARRAY_BUFFER, styles, this.#gl.DYNAMIC_DRAW);
  }

  /** @param flags 0 dim, 1 bright, 2 highlighted. */
  setFlags(flags: Uint8Array): void {
    this.#anyDim = flags.includes(0);
    this.#gl.bindBuffer(this.#gl.ARRAY_BUFFER, this.#flags);
    this.#gl.bufferData(this.#gl.ARRAY_BUFFER, flags, this.#gl.DYNAMIC_DRAW);
  }

  setPalette(palette: readonly MarkerStyle[]): void {
    const gl = this.#gl;
    const pixels = new Uint8Array(PALETTE_SIDE * PALETTE_SIDE * 4);
    palette.forEach(({ rgb, marker }, i) => {
      pixels.set([rgb[0] * 255, rgb[1] * 255, rgb[2] * 255, marker], i * 4);
    });
    gl.bindTexture(gl.TEXTURE_2D, this.#palette);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, PALETTE_SIDE, PALETTE_SIDE, 0, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
  }

  /** Draws the points, while the map moves perhaps only a random sample; returns whether all were drawn. */
  draw(camera: Camera, pixelRatio: number, moving: boolean): boolean {
    const gl = this.#gl;
    const { width, height } = gl.canvas;
    const side = Math.min(width, height);
    const { size, opacity } = density(this.#count, camera.zoom, width / pixelRatio, height / pixelRatio);
    gl.viewport(0, 0, width, height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    gl.useProgram(this.#program);
    gl.uniform2f(this.#uniforms["centre"]!, camera.x, camera.y);
    gl.uniform2f(this.#uniforms["scale"]!, (camera.zoom * side) / width, (camera.zoom * side) / height);
    gl.uniform1f(this.#uniforms["size"]!, size * pixelRatio);
    gl.uniform1f(this.#uniforms["opacity"]!, opacity);
    gl.uniform1f(this.#uniforms["dimness"]!, 0.16);
    const drawn = moving ? Math.min(this.#count, this.#budget) : this.#count;
    for (const pass of this.#anyDim ? [0, 1] : [1]) {
      gl.uniform1i(this.#uniforms["brightPass"]!, pass);
      gl.drawElements(gl.POINTS, drawn, gl.UNSIGNED_INT, 0);
    }
    return drawn === this.#count;
  }

  /** Adapts the number of points drawn while the map moves to the time that the last frame took. */
  noteFrame(milliseconds: number): void {
    const drawn = Math.min(this.#count, this.#budget);
    if (milliseconds > SLOW_FRAME_MS) {
      this.#budget = Math.max(THINNED_ABOVE, Math.floor((drawn * SLOW_FRAME_MS) / milliseconds));
    } else if (milliseconds < SLOW_FRAME_MS / 2) {
      this.#budget = Math.ceil(drawn * 1.25);
    }
  }

  #describe(): void {
    const gl = this.#gl;
    gl.bindVertexArray(gl.createVertexArray());
    const attribute = (name: string, buffer: WebGLBuffer, bind: (at: number) => void): void => {
      const at = gl.getAttribLocation(this.#program, name);
      gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
      gl.enableVertexAttribArray(at);
      bind(at);
    };
    attribute("position", this.#positions, (at) => gl.vertexAttribPointer(at, 2, gl.FLOAT, false, 0, 0));
    attribute("style", this.#styles, (at) => gl.vertexAttribIPointer(at, 1, gl.UNSIGNED_SHORT, 0, 0));
    attribute("flag", this.#flags, (at) => gl.vertexAttribIPointer(at, 1, gl.UNSIGNED_BYTE, 0, 0));
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.#order);
  }
}

/** Returns size in pixels and opacity of the points, smaller and fainter the more there are in view. */
export function density(count: number, zoom: number, width: number, height: number): { size: number; opacity: number } {
  const area = width * height;
  const inView = Math.max(1, count / Math.max(1, zoom * zoom));
  const size = Math.max(1.5, Math.min(11, Math.sqrt((0.5 * area) / inView)));
  const opacity = Math.max(0.18, Math.min(0.92, (0.9 * area) / (inView * size * size)));
  return { size, opacity };
}

function rendererName(gl: WebGL2RenderingContext): string {
  const info = gl.getExtension("WEBGL_debug_renderer_info");
  return String(gl.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
}

function shuffled(count: number): Uint32Array {
  const order = new Uint32Array(count);
  let seed = 1;
  for (let i = 0; i < count; i++) {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    const j = Math.floor((seed / 2 ** 32) * (i + 1));
    order[i] = order[j];
    order[j] = i;
  }
  return order;
}

function link(gl: WebGL2RenderingContext): WebGLProgram {
  const program = gl.createProgram();
  for (const [kind, source] of [
    [gl.VERTEX_SHADER, VERTEX],
    [gl.FRAGMENT_SHADER, FRAGMENT],
  ] as const) {
    const shader = gl.createShader(kind)!;
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) {
    throw new NoWebGl(gl.getProgramInfoLog(program) ?? "the shaders did not compile");
  }
  return program;
}
