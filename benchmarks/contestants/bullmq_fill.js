// Queues as many jobs as asked, as express_bullmq.js would.
import { Queue } from "bullmq";

const [redisPort, count, fields] = process.argv.slice(2);
const queue = new Queue("dlr", { connection: { host: "127.0.0.1", port: Number(redisPort) } });
const AT_ONCE = 500;

for (let start = 0; start < Number(count); start += AT_ONCE) {
  const jobs = [];
  for (let number = start; number < Math.min(start + AT_ONCE, Number(count)); number += 1) {
    jobs.push({ name: "dlr", data: { ...JSON.parse(fields), "mocean-msgid": `fill${String(number).padStart(10, "0")}` } });
  }
  await queue.addBulk(jobs);
}
await queue.close();
