/*
** threads.c -- proof: several Lua states in several threads at once, each with its own torch, give what one
** alone gives.  Large products and maps make them meet at the team; seeds and modes must not.
*/
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <lauxlib.h>
#include <lualib.h>

int luaopen_torch (lua_State *L);

enum { THREADS = 4, ROUNDS = 3 };

static const char program[] =
  "local torch = require 'torch'\n"
  "torch.manual_seed(3)\n"
  "local model = torch.nn.Sequential(torch.nn.Linear(64, 128), torch.nn.Tanh(), torch.nn.Dropout(0.2), torch.nn.Linear(128, 8))\n"
  "local optimizer = torch.optim.Adam(model:parameters(), {lr = 1e-2})\n"
  "local x, y = torch.randn(256, 64), torch.randint(1, 9, {256})\n"
  "local criterion, loss = torch.nn.CrossEntropyLoss(), nil\n"
  "for _ = 1, 12 do\n"
  "  optimizer:zero_grad()\n"
  "  loss = criterion(model(x), y)\n"
  "  loss:backward()\n"
  "  optimizer:step()\n"
  "end\n"
  "local big = torch.randn(300000)\n"
  "local sum = torch.no_grad(function () return (big:exp() * big):sum() + torch.randn(200, 300):mm(torch.randn(300, 200)):sum() end)\n"
  "return ('%.17g %.17g'):format(loss:item(), sum:item())\n";

static void *work (void *result) {
  char *out = result;
  for (int r = 0; r < ROUNDS; r++) {
    lua_State *L = luaL_newstate();
    const char *said;
    if (!L) return NULL;
    luaL_openlibs(L);
    luaL_requiref(L, "torch", luaopen_torch, 0);
    said = luaL_dostring(L, program) ? lua_tostring(L, -1) : lua_tostring(L, -1);
    if (r == 0) snprintf(out, 256, "%s", said ? said : "nothing");
    else if (!said || strcmp(out, said)) snprintf(out, 256, "round %d differs: %.200s", r, said ? said : "nothing");
    lua_close(L);
  }
  return NULL;
}

int main (void) {
  static char alone[256], together[THREADS][256];
  pthread_t thread[THREADS];
  int wrong = 0;
  work(alone);
  for (int i = 0; i < THREADS; i++)
    if (pthread_create(&thread[i], NULL, work, together[i])) return 2;
  for (int i = 0; i < THREADS; i++) pthread_join(thread[i], NULL);
  for (int i = 0; i < THREADS; i++)
    if (strcmp(alone, together[i])) { wrong++; printf("alone %s, in thread %d %s\n", alone, i, together[i]); }
  printf("%d threads, %d wrong\n", THREADS, wrong);
  return wrong != 0;
}
