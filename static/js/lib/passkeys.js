// The ceremonies of WebAuthn, in the JSON that the server speaks.
const REFUSED = {
  NotAllowedError: "No passkey was used: the question was closed, or it took too long.",
  InvalidStateError: "This device has a passkey for this account already.",
  SecurityError: "Passkeys need https, or the address http://localhost.",
};

export const supported = () => Boolean(globalThis.PublicKeyCredential?.parseRequestOptionsFromJSON);

// A new one. `alone`: it will stand for the whole sign-in, so the device keeps it and asks for a finger, a face or a PIN.
export async function create({ creation_options: { publicKey } }, { alone }) {
  const wanted = alone
    ? { residentKey: "required", requireResidentKey: true, userVerification: "required" }
    : { residentKey: "discouraged", requireResidentKey: false };
  const options = { ...publicKey, authenticatorSelection: { ...publicKey.authenticatorSelection, ...wanted } };
  const made = await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) });
  return made.toJSON();
}

export async function get({ request_options: { publicKey } }) {
  const found = await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(publicKey) });
  return found.toJSON();
}

// Why it did not work, for a person.
export const reason = (error) => REFUSED[error.name] ?? `The passkey could not be used: ${error.message}`;
