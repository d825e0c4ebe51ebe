// A real OpenID provider (certified by the OpenID Foundation) on a free port of loopback, for the tests of sign-in.
//
//     node provider.mjs REDIRECT_URI      writes its issuer on standard output, and ends with standard input
//
// Whoever types an address in its login form is that person: `ada@example.com` has a verified address, `mallory@...`
// one that was never verified. GET /groups/ada@example.com?admins,staff puts people into groups.
import { createServer } from "node:http";
import Provider from "oidc-provider";

const [redirectUri] = process.argv.slice(2);
const server = createServer();
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const issuer = `http://127.0.0.1:${server.address().port}`;

const groups = new Map();

function account(id) {
  const name = id.split("@")[0];
  return {
    accountId: id,
    claims: () => ({
      sub: id,
      email: id,
      email_verified: name !== "mallory",
      name: name[0].toUpperCase() + name.slice(1),
      groups: groups.get(id) ?? [],
    }),
  };
}

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: "trimtab",
      client_secret: "a client secret: with/odd+characters%",
      redirect_uris: [redirectUri],
      grant_types: ["authorization_code"],
      response_types: ["code"],
    },
    {
      client_id: "public",
      token_endpoint_auth_method: "none",
      redirect_uris: [redirectUri],
      grant_types: ["authorization_code"],
      response_types: ["code"],
    },
  ],
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name", "groups"] },
  findAccount: (_context, id) => account(id),
  pkce: { required: () => true },
  cookies: { keys: ["tests only"] },
});
const answer = provider.callback();
server.on("request", (request, response) => {
  const [, id, named] = request.url.match(/^\/groups\/([^?]+)\??(.*)$/) ?? [];
  if (!id) return answer(request, response);
  groups.set(id, named ? named.split(",") : []);
  response.end();
});
process.stdout.write(`${issuer}\n`);
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
