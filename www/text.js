// A received text: shown as it is, never as markup, and copied on request.

/** Copies the text of `element`; false where the browser only let it be selected. */
export async function copyText(element) {
  try {
    if (navigator.clipboard) {
      await navigator.clipboard.writeText(element.textContent);
      return true;
    }
  } catch {
    // Refused: the way below may still work.
  }
  // Plain http has no clipboard interface; the old command works on a selection.
  const selection = getSelection();
  const range = document.createRange();
  range.selectNodeContents(element);
  selection.removeAllRanges();
  selection.addRange(range);
  if (!document.execCommand("copy")) return false;
  selection.removeAllRanges();
  return true;
}
