/** Draws a point with colour and marker from the palette, in two passes, so that bright points lie over dim ones. */

export const VERTEX = `#version 300 es
precision highp float;
precision highp int;
in vec2 position;
in uint style;
in uint flag;
uniform vec2 centre;
uniform vec2 scale;
uniform float size;
uniform float opacity;
uniform float dimness;
uniform int brightPass;
uniform highp sampler2D palette;
flat out vec4 colour;
flat out int marker;
flat out float pixels;

void main() {
  bool bright = flag != 0u;
  if (bright != (brightPass == 1)) {
    gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
    gl_PointSize = 1.0;
    return;
  }
  gl_Position = vec4((position - centre) * scale, 0.0, 1.0);
  vec4 entry = texelFetch(palette, ivec2(int(style) & 255, int(style) >> 8), 0);
  marker = int(entry.a * 255.0 + 0.5);
  pixels = flag == 2u ? size * 1.7 + 2.0 : size;
  gl_PointSize = pixels;
  colour = vec4(entry.rgb, bright ? (flag == 2u ? 1.0 : opacity) : opacity * dimness);
}
`;

export const FRAGMENT = `#version 300 es
precision highp float;
flat in vec4 colour;
flat in int marker;
flat in float pixels;
out vec4 fragment;

float box(vec2 p, vec2 side) {
  vec2 d = abs(p) - side;
  return max(d.x, d.y);
}

float triangle(vec2 p) {
  return max(abs(p.x) * 0.866 + p.y * 0.5, -p.y) - 0.5;
}

float star(vec2 p) {
  float angle = mod(atan(p.x, p.y) + 0.6283, 1.2566) - 0.6283;
  return length(p) * cos(abs(angle) * 1.9) - 0.62;
}

float distanceTo(int which, vec2 p) {
  if (which == 1) return triangle(vec2(p.x, p.y + 0.12));
  if (which == 2) return box(p, vec2(0.72));
  if (which == 3) return (abs(p.x) + abs(p.y)) * 0.8 - 0.72;
  if (which == 4) return triangle(vec2(p.x, -p.y + 0.12));
  if (which == 5) return min(box(p, vec2(0.9, 0.3)), box(p, vec2(0.3, 0.9)));
  if (which == 6) {
    vec2 q = vec2(p.x + p.y, p.x - p.y) * 0.7071;
    return min(box(q, vec2(0.95, 0.28)), box(q, vec2(0.28, 0.95)));
  }
  if (which == 7) return star(p);
  return length(p) - 0.86;
}

void main() {
  vec2 p = vec2(gl_PointCoord.x, 1.0 - gl_PointCoord.y) * 2.0 - 1.0;
  // Below four pixels, markers cannot be distinguished: a full square is faster and uniform.
  float cover = pixels < 4.0 ? 1.0 : clamp(0.5 - distanceTo(marker, p) * pixels * 0.5, 0.0, 1.0);
  if (cover <= 0.0) discard;
  fragment = vec4(colour.rgb * colour.a * cover, colour.a * cover);
}
`;
