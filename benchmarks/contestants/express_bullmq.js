// What Mocean's Express sample becomes once its work is put on a queue: a BullMQ job an event, and only then the answer.
import { Queue } from "bullmq";
import express from "express";

const [port, redisPort, path] = process.argv.slice(2);
const queue = new Queue("dlr", { connection: { host: "127.0.0.1", port: Number(redisPort) } });
const app = express();

app.use(express.json());
app.use(express.urlencoded({ extended: true }));

app.put(path, async (req, res) => {
  await queue.add("dlr", req.body);
  res.status(204).send();
});

app.listen(Number(port), "127.0.0.1");
