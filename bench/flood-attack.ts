// The attacker of flood.ts, `bun bench/flood-attack.ts URL CONNECTIONS ADDRESSES NETWORK ACCOUNTS`:
// wrong sign-ins, as fast as they are answered, until it is killed. It prints again and again how
// many were answered so far.

const [url = "", connections, addresses, network, accounts] = process.argv.slice(2);

let guesses = 0;
let answered = 0;

async function attack(connection: number): Promise<never> {
  for (;;) {
    const response = await fetch(`${url}/api/entrytask/user/signin`, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        "X-Forwarded-For": `203.${network}.${connection % Number(addresses)}.7`,
      },
      body: JSON.stringify({ username: `user${guesses++ % Number(accounts)}`, password: "wrong" }),
    });
    await response.text();
    answered++;
  }
}

setInterval(() => console.log(answered), 50);
for (let n = 0; n < Number(connections); n++) void attack(n);
