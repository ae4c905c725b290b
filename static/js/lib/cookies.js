// What the server tells scripts in cookies: the CSRF token, and who is signed in. Asked at the moment of use, since
// another tab may have signed in since this page was made.
export function cookie(name) {
  const found = document.cookie.split("; ").find((one) => one.startsWith(`${name}=`));
  return found === undefined ? "" : decodeURIComponent(found.slice(name.length + 1));
}

export const csrfToken = () => cookie("csrftoken");

// Who this page was made for, "" for a page that is nobody's; and who is signed in in this browser now.
export const personOfPage = () => document.body.dataset.person ?? "";
export const personNow = () => cookie("person");
