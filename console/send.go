package console

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"strconv"
)

// Example is an event to try.
type Example struct {
	Name  string          `json:"name"`
	Says  string          `json:"says"` // what it shows
	Event json.RawMessage `json:"event"`
}

// send posts an event to the API for the page, and hands back what the API says.
func (c *Console) send(w http.ResponseWriter, r *http.Request) []slog.Attr {
	if c.parts.Send == nil {
		fail(w, http.StatusNotImplemented, "this console knows no API to send to")
		return nil
	}
	var event json.RawMessage
	if !read(w, r, &event) {
		return nil
	}
	status, said, err := c.parts.Send(r.Context(), "application/json", event)
	if err != nil {
		fail(w, http.StatusBadGateway, err.Error())
		return nil
	}
	if !json.Valid(said) {
		said = []byte(strconv.Quote(clip(string(said), maxError)))
	}
	answer(w, map[string]any{"status": status, "answer": json.RawMessage(said)})
	var named struct{ Type, ID string }
	_ = json.Unmarshal(event, &named) // what can't be read has no name, and the API has refused it
	return []slog.Attr{slog.String("event_type", clip(named.Type, maxName)),
		slog.String("event_id", clip(named.ID, maxName)),
		slog.Int("status", status)}
}
