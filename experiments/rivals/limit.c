/* The practical limit of one core: mini-batch gradient descent on one hidden layer of sigmoid neurons with the quadratic
 * cost, written for 16-wide SIMD, nothing but the arithmetic. It exists to be measured against, not to be used.
 *
 *   cc -O3 -march=native -ffast-math -DPIXELS=784 -DHIDDEN=30 -DCLASSES=10 -DBATCH=10 -DSCALE=1/256.f limit.c -o limit -lm
 *   ./limit FOLDER EXAMPLES VALIDATION LEARNING_RATE
 *
 * FOLDER holds raw files: inputs.u8 and labels.u8, validation.u8 and validation_labels.u8, params.f32 (weights row by
 * row, then biases, layer by layer). It answers each line of standard input with a line of JSON, as worker.py does:
 *
 *   epoch [ORDER]   train on all examples in a new order, or in that of a file of int32; seconds
 *   evaluate        accuracy on the validation data; seconds
 *   params FILE     write the parameters as params.f32 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
  ROWS = BATCH < 10 ? BATCH : 10,                 /* examples whose sums stay in registers together */
  PADDED = (BATCH + ROWS - 1) / ROWS * ROWS,      /* a mini-batch, filled up with black images that teach nothing */
  VECTORS = (HIDDEN + 15) / 16, WIDTH = 16 * VECTORS
};
_Static_assert(CLASSES <= 16, "one vector of outputs");
typedef float v16 __attribute__((vector_size(64)));
#define INLINE static inline __attribute__((always_inline))

static v16 w1[VECTORS][PIXELS], w2[WIDTH];        /* inputs by hidden neurons, hidden neurons by outputs */
static union { v16 v[VECTORS]; float f[WIDTH]; } b1, a1[PADDED], d1[PADDED];
static union { v16 v; float f[16]; } b2, a2[PADDED], d2[PADDED];
static const float *x[PADDED];
static float black[PIXELS], *images, *validation;
static unsigned char *labels, *validation_labels;

static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec + 1e-9 * t.tv_nsec; }

/* z = w a + b of the first layer, for `width` vectors of hidden neurons from vector v on. */
INLINE void sums(int v, const int width) {
  for (int first = 0; first < PADDED; first += ROWS) {
    v16 z[ROWS][2];
    for (int n = 0; n < ROWS; n++) for (int k = 0; k < width; k++) z[n][k] = b1.v[v + k];
    for (int i = 0; i < PIXELS; i++)
      for (int n = 0; n < ROWS; n++) for (int k = 0; k < width; k++) z[n][k] += x[first + n][i] * w1[v + k][i];
    for (int n = 0; n < ROWS; n++) for (int k = 0; k < width; k++) a1[first + n].v[v + k] = z[n][k];
  }
}

/* w -= rate delta a' of the first layer (BP4, the rate is in delta), for the same neurons. */
INLINE void descend(int v, const int width) {
  for (int first = 0; first < PADDED; first += ROWS) {
    v16 d[ROWS][2];
    for (int n = 0; n < ROWS; n++) for (int k = 0; k < width; k++) d[n][k] = d1[first + n].v[v + k];
    for (int i = 0; i < PIXELS; i++)
      for (int k = 0; k < width; k++) {
        v16 w = w1[v + k][i];
        for (int n = 0; n < ROWS; n++) w -= x[first + n][i] * d[n][k];
        w1[v + k][i] = w;
      }
  }
}

static void forward(const float *inputs, const int *pick, int m) {
  for (int n = 0; n < PADDED; n++) x[n] = n < m ? inputs + (long)pick[n] * PIXELS : black;
  int v = 0;
  for (; v + 2 <= VECTORS; v += 2) sums(v, 2);
  if (v < VECTORS) sums(v, 1);
  for (int n = 0; n < PADDED; n++) for (int j = 0; j < WIDTH; j++) a1[n].f[j] = 1 / (1 + expf(-a1[n].f[j]));
  for (int first = 0; first < PADDED; first += ROWS) {
    v16 z[ROWS];
    for (int n = 0; n < ROWS; n++) z[n] = b2.v;
    for (int i = 0; i < HIDDEN; i++) for (int n = 0; n < ROWS; n++) z[n] += a1[first + n].f[i] * w2[i];
    for (int n = 0; n < ROWS; n++) a2[first + n].v = z[n];
  }
  for (int n = 0; n < PADDED; n++) for (int j = 0; j < 16; j++) a2[n].f[j] = 1 / (1 + expf(-a2[n].f[j]));
}

static void step(const int *pick, int m, float rate) {
  forward(images, pick, m);
  for (int n = 0; n < PADDED; n++) {
    v16 a = a2[n].v;
    d2[n].v = (rate / m) * a * a * (1 - a);                                 /* BP1 */
    if (n < m) {
      int y = labels[pick[n]];
      d2[n].f[y] = (rate / m) * (a[y] - 1) * a[y] * (1 - a[y]);
    } else d2[n].v = (v16){0};
    for (int j = CLASSES; j < 16; j++) d2[n].f[j] = 0;
    for (int i = 0; i < HIDDEN; i++) {                                      /* BP2 */
      const float *w = (const float *)&w2[i];
      float sum = 0;
      for (int j = 0; j < 16; j++) sum += w[j] * d2[n].f[j];
      d1[n].f[i] = sum * a1[n].f[i] * (1 - a1[n].f[i]);
    }
  }
  for (int i = 0; i < HIDDEN; i++) for (int n = 0; n < PADDED; n++) w2[i] -= a1[n].f[i] * d2[n].v;
  for (int n = 0; n < PADDED; n++) {                                        /* BP3 */
    b2.v -= d2[n].v;
    for (int v = 0; v < VECTORS; v++) b1.v[v] -= d1[n].v[v];
  }
  int v = 0;
  for (; v + 2 <= VECTORS; v += 2) descend(v, 2);
  if (v < VECTORS) descend(v, 1);
}

static void *take(const char *folder, const char *name, size_t bytes) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  void *into = malloc(bytes);
  FILE *f = fopen(path, "rb");
  if (!f || !into || fread(into, 1, bytes, f) != bytes) { fprintf(stderr, "limit: cannot read %s\n", path); exit(2); }
  fclose(f);
  return into;
}

static float *pixels(const char *folder, const char *name, long count) {
  unsigned char *bytes = take(folder, name, count * PIXELS);
  float *into = malloc(sizeof(float) * count * PIXELS);
  for (long i = 0; i < count * PIXELS; i++) into[i] = bytes[i] * SCALE;
  free(bytes);
  return into;
}

/* Between the file's rows of one neuron each and the columns used here. */
static void exchange(float *p, int out) {
#define MOVE(here) do { if (out) *p++ = (here); else (here) = *p++; } while (0)
  for (int j = 0; j < HIDDEN; j++) for (int i = 0; i < PIXELS; i++) MOVE(w1[j / 16][i][j % 16]);
  for (int j = 0; j < HIDDEN; j++) MOVE(b1.f[j]);
  for (int j = 0; j < CLASSES; j++) for (int i = 0; i < HIDDEN; i++) MOVE(w2[i][j]);
  for (int j = 0; j < CLASSES; j++) MOVE(b2.f[j]);
}

int main(int argc, char **argv) {
  if (argc != 5) { fprintf(stderr, "usage: limit FOLDER EXAMPLES VALIDATION LEARNING_RATE\n"); return 2; }
  int n = atoi(argv[2]), held_out = atoi(argv[3]);
  float rate = atof(argv[4]);
  size_t size = sizeof(float) * (HIDDEN * (PIXELS + 1) + CLASSES * (HIDDEN + 1));
  images = pixels(argv[1], "inputs.u8", n), labels = take(argv[1], "labels.u8", n);
  validation = pixels(argv[1], "validation.u8", held_out);
  validation_labels = take(argv[1], "validation_labels.u8", held_out);
  float *params = take(argv[1], "params.f32", size);
  exchange(params, 0);
  int *order = malloc(sizeof(int) * (n > held_out ? n : held_out));
  unsigned long long random = 88172645463325252ull;
  for (char line[4096]; fgets(line, sizeof line, stdin);) {
    line[strcspn(line, "\n")] = 0;
    char *path = strchr(line, ' ');
    double start = now();
    if (!strncmp(line, "epoch", 5)) {
      for (int i = 0; i < n; i++) order[i] = i;
      for (int i = n - 1; i > 0 && !path; i--) {                            /* Fisher and Yates, Marsaglia's xorshift */
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        int j = random % (i + 1), t = order[i];
        order[i] = order[j], order[j] = t;
      }
      if (path) {                                                           /* an absolute one */
        int *given = take("", path + 2, sizeof(int) * n);
        memcpy(order, given, sizeof(int) * n);
        free(given);
      }
      for (int k = 0; k < n; k += BATCH) step(order + k, n - k < BATCH ? n - k : BATCH, rate);
      printf("{\"seconds\": %.6f}\n", now() - start);
    } else if (!strcmp(line, "evaluate")) {
      int right = 0;
      for (int i = 0; i < held_out; i++) order[i] = i;
      for (int k = 0; k < held_out; k += BATCH) {
        int m = held_out - k < BATCH ? held_out - k : BATCH;
        forward(validation, order + k, m);
        for (int i = 0; i < m; i++) {
          int best = 0;
          for (int j = 1; j < CLASSES; j++) if (a2[i].f[j] > a2[i].f[best]) best = j;
          right += best == validation_labels[k + i];
        }
      }
      printf("{\"seconds\": %.6f, \"accuracy\": %.6f}\n", now() - start, (double)right / held_out);
    } else if (!strncmp(line, "params ", 7)) {
      exchange(params, 1);
      FILE *f = fopen(path + 1, "wb");
      if (!f || fwrite(params, 1, size, f) != size) return 2;
      fclose(f);
      printf("{}\n");
    } else return 2;
    fflush(stdout);
  }
  return 0;
}
