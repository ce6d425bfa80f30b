// What somebody thought of an answer, told to the server. Used by the conversation; names no element of its page.

export const REASONS = ["wrong_passage", "not_in_articles", "ocr_error", "other"];

// Resolves when it is kept, rejects with the server's sentence: {code, message}.
// thumb: "up" or "down"; reason: one of REASONS or null.
export async function sendFeedback(traceId, thumb, reason = null, comment = "", headers = {}) {
  const response = await fetch("/api/feedback", {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ trace_id: traceId, thumb, reason, comment }),
  });
  const body = await response.json();
  if (!response.ok) throw Object.assign(new Error(body.error.message), body.error);
  return body;
}
