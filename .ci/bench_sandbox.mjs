// The load of bench_sandbox.py, by autocannon: `node bench_sandbox.mjs <folder of autocannon> <address> <connections> <seconds> <token> <imp_uid>`.
import { createRequire } from "node:module";
import { join } from "node:path";

const [folder, here, connections, duration, token, imp_uid] = process.argv.slice(2);
const autocannon = createRequire(join(folder, "package.json"))("autocannon");
const common = { url: here, connections: Number(connections), duration: Number(duration) };
const headers = { Authorization: token, "Content-Type": "application/json" };
let number = 0;

const get = await autocannon({ ...common, requests: [{ path: `/sandbox/api/payments/${imp_uid}`, headers }] });

const post = (path, body) => ({ method: "POST", path, headers, body });
const fill = (make) => (request, context) => ({ ...request, body: JSON.stringify(make(context)) });
const pay = await autocannon({
  ...common,
  requests: [
    post("/sandbox/api/users/getToken", JSON.stringify({ imp_key: "k", imp_secret: "s" })),
    {
      ...post("/sandbox/api/payments/prepare"),
      setupRequest: fill((context) => ({ merchant_uid: (context.order = `bench-${Date.now()}-${number++}`), amount: 1000 })),
    },
    {
      ...post("/sandbox/control/pay"),
      setupRequest: fill(({ order }) => ({ merchant_uid: order, amount: 1000, pay_method: "card", outcome: "paid", webhook: false })),
      onResponse: (status, body, context) => (context.imp_uid = JSON.parse(body).imp_uid),
    },
    {
      method: "GET",
      headers,
      setupRequest: (request, context) => ({ ...request, path: `/sandbox/api/payments/${context.imp_uid}` }),
    },
    { ...post("/sandbox/api/payments/cancel"), setupRequest: fill(({ imp_uid }) => ({ imp_uid, reason: "bench", checksum: 1000 })) },
  ],
});

const told = ({ requests, latency, non2xx, errors, timeouts }) => ({
  rate: requests.average,
  p50: latency.p50,
  p99: latency.p99,
  wrong: non2xx + errors + timeouts,
});
console.log(JSON.stringify({ get: told(get), pay: told(pay) }));
