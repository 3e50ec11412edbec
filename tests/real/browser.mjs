// A headless Chromium for test_browser.py, until its input ends. Each line of input asks a method of playwright's Page:
// {"method": "click", "arguments": ["#enter"]}, or newPage, which comes first; each is answered with a line: {"value": ...} or {"error": "..."}.
//
// usage: node browser.mjs CHROMIUM PROFILE-DIRECTORY HASH-OF-THE-SERVER'S-KEY     (WTEL_BROWSER: where playwright-core is)

import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const { chromium } = createRequire(`${process.env.WTEL_BROWSER}/`)("playwright-core");
const [executablePath, profile, key] = process.argv.slice(2);
const context = await chromium.launchPersistentContext(profile, {
  executablePath,
  headless: true,
  chromiumSandbox: false, // the sandbox refuses root
  timeout: 120000,
  permissions: ["microphone"],
  args: [
    "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", // a microphone that beeps once a second
    "--allow-loopback-in-peer-connection", "--disable-features=WebRtcHideLocalIpsWithMdns",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", `--ignore-certificate-errors-spki-list=${key}`,
    "--disable-gpu", "--disable-dev-shm-usage", "--autoplay-policy=no-user-gesture-required",
  ],
});
context.setDefaultTimeout(60000);
let page = null;
let heard = [];

// In place of the one before, whose calls are lost without a question.
async function newPage() {
  await page?.close();
  page = await context.newPage();
  heard = [];
  page.on("console", (message) => heard.push(message.text()));
  page.on("pageerror", (error) => heard.push(String(error)));
}

const say = (answer) => process.stdout.write(JSON.stringify(answer) + "\n");
say({ value: "ready" });
for await (const line of createInterface({ input: process.stdin })) {
  const { method, arguments: given } = JSON.parse(line);
  try {
    const value = method === "newPage" ? await newPage() : await page[method](...given);
    say({ value: ["evaluate", "textContent", "getAttribute", "isVisible"].includes(method) ? value : null });
  } catch (error) {
    say({ error: `${error.message}\n${heard.join("\n")}` });
  }
}
await context.close();
