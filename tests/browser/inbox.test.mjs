// The inbox as a developer first meets it: the curl that `make run` prints, then the message in a browser.
//
// Run it with scripts/test.sh browser, which starts Sendgate and names the browser in CHROMIUM_BIN.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const url = process.env.SENDGATE_URL;
const artefacts = fileURLToPath(new URL("../artefacts/", import.meta.url));
const flags =
  "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking" +
  " --disable-component-update --disable-sync";

let browser;

before(async () => {
  mkdirSync(artefacts, { recursive: true });
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM_BIN, args: flags.split(" ") });
});

after(() => browser?.close());

/** The command that Sendgate printed at its start, as it stands. */
function printedCurl() {
  const output = readFileSync(process.env.SENDGATE_OUTPUT, "utf8");
  const [command] = output.match(/^curl [^]*?'$\n\n/m);
  return command;
}

test("the printed curl is accepted, and its message opens in the inbox", async () => {
  const answer = JSON.parse(execFileSync("bash", ["-c", printedCurl()], { encoding: "utf8" }));
  assert.equal(answer.queued_messages, 1);

  const page = await browser.newPage();
  const foreign = [];
  const broken = [];
  page.on("request", (request) => new URL(request.url()).origin === url || foreign.push(request.url()));
  page.on("pageerror", (error) => broken.push(String(error)));
  const row = page.getByRole("link", { name: /Hello from Sendgate/ });
  // The message leaves for the simulator after the answer: it is there within moments, and the page is asked again.
  for (let look = 0; look < 50; look++) {
    await page.goto(`${url}/sandbox/inbox`);
    if ((await row.count()) > 0) break;
    await page.waitForTimeout(100);
  }
  await page.screenshot({ path: `${artefacts}inbox.png` });
  assert.equal(await row.count(), 1);

  await row.click();
  const text = await page.frameLocator("iframe").locator("body").innerText();
  assert.equal(text.trim(), "It works.");
  assert.match(await page.locator("main").innerText(), /ann@example\.com/);
  await page.screenshot({ path: `${artefacts}message.png` });
  assert.deepEqual(foreign, []);
  assert.deepEqual(broken, []);
});
