// What all pages share: elements by their ids, the line that says how it goes, and that for a token.

export const at = (id) => document.getElementById(id);

export function say(text, bad = false) {
  at("status").textContent = text;
  at("status").classList.toggle("bad", bad);
}

/** The first answer of the server, or null; where it demands a token, there is a line for one. */
export async function first(asking) {
  try {
    const found = await asking();
    at("token-line").hidden = true;
    return found;
  } catch (refused) {
    at("token-line").hidden = refused.status !== 401;
    say(refused.status === 401 ? "This server demands a token." : refused.message, true);
    return null;
  }
}
