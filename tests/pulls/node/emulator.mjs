// An emulator of GitHub's API that nobody here wrote (npm `emulate`), with one organisation's repository
// and a person beside it: `node emulator.mjs`. It listens on loopback. For each line on standard input
// it forgets everything, and says {url, tokens} on a line of standard output; it ends with the input.
import {createSign} from 'node:crypto';
import {createInterface} from 'node:readline';
import {createEmulator} from 'emulate';

const APPS = {'github-actions': 15368, other: 2}; // the first one's tokens are those of jobs
const WRITES = {contents: 'read', pull_requests: 'write'};
const READS = {contents: 'read', pull_requests: 'read'};
const PEOPLE = Object.fromEntries(['shop', 'ann', 'revguard-bot'].map((login) => [`ghp_${login}`, {login}]));

const emulator = await createEmulator({
  service: 'github',
  port: 0,
  hostname: '127.0.0.1',
  seed: {
    tokens: PEOPLE,
    github: {
      users: Object.values(PEOPLE),
      repos: [{owner: 'shop', name: 'shop', auto_init: true}],
      apps: Object.entries(APPS).map(([slug, id]) => ({
        app_id: id, slug, name: slug, permissions: WRITES,
        installations: [{installation_id: id, account: 'shop'}],
      })),
    },
  },
});
const url = `http://127.0.0.1:${new URL(emulator.url).port}`;
const keys = Object.fromEntries(emulator.generatedSecrets.map(({id, value}) => [id, value]));

function signed(claims) {
  const parts = [{alg: 'RS256', typ: 'JWT'}, claims].map((one) => Buffer.from(JSON.stringify(one)).toString('base64url'));
  return [...parts, createSign('RSA-SHA256').update(parts.join('.')).sign(keys[claims.iss], 'base64url')].join('.');
}

// as a job gets it: of the app, for its installation, with the rights that `permissions:` asks for
async function token(app, permissions) {
  const now = Math.floor(Date.now() / 1000);
  const answer = await fetch(`${url}/app/installations/${app}/access_tokens`, {
    method: 'POST', body: JSON.stringify({permissions}),
    headers: {authorization: `Bearer ${signed({iss: app, iat: now - 60, exp: now + 300})}`},
  });
  return (await answer.json()).token;
}

for await (const _ of createInterface({input: process.stdin})) {
  emulator.reset();
  const [job, another] = Object.values(APPS);
  const tokens = {
    writer: await token(job, WRITES), reader: await token(job, READS), other: await token(another, WRITES),
    owner: 'ghp_shop', person: 'ghp_ann',
  };
  console.log(JSON.stringify({url, tokens}));
}
await emulator.close();
