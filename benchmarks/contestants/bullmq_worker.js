// A BullMQ worker whose jobs do nothing. Its concurrency is given: with 1, its default, it waits for Redis after each job.
import { Worker } from "bullmq";

const [redisPort, concurrency] = process.argv.slice(2);

new Worker("dlr", async () => {}, {
  connection: { host: "127.0.0.1", port: Number(redisPort), maxRetriesPerRequest: null },
  concurrency: Number(concurrency),
});
