//go:build faults

package faults

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// tableProxy is between the processor and its table and knows what it asks: of ten requests that change several items
// it loses the answer to one, whose changes are made, and has statements of another fail, as a table without capacity
// does.
type tableProxy struct {
	*httptest.Server
	to     string
	faulty atomic.Bool
	asked  atomic.Int64 // requests that change several items, while it is faulty
	lost   atomic.Int64 // answers
	failed atomic.Int64 // statements
}

func newTableProxy(t *testing.T, to string) *tableProxy {
	p := &tableProxy{to: to}
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	return p
}

func (p *tableProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler) // the processor was killed
	}
	isBatch := strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".BatchExecuteStatement")
	turn := int64(0)
	if isBatch && p.faulty.Load() {
		turn = p.asked.Add(1) % 10
	}
	switch turn {
	case 3:
		p.lost.Add(1)
		_ = p.pass(httptest.NewRecorder(), r, body) // done or not: the processor does not hear of it
		panic(http.ErrAbortHandler)
	case 7:
		err = p.failSome(w, r, body)
	default:
		err = p.pass(w, r, body)
	}
	if err != nil {
		panic(http.ErrAbortHandler) // the connection to the table was cut
	}
}

// pass hands a request and its answer on.
func (p *tableProxy) pass(w http.ResponseWriter, r *http.Request, body []byte) error {
	ask, err := http.NewRequestWithContext(r.Context(), r.Method, p.to+r.URL.Path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	ask.Header = r.Header.Clone()
	ask.Header.Set("Accept-Encoding", "identity")
	answer, err := http.DefaultClient.Do(ask)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	maps.Copy(w.Header(), answer.Header)
	w.WriteHeader(answer.StatusCode)
	_, err = w.Write(text)
	return err
}

// failSome keeps up to 10 statements from the table, and answers for them.
func (p *tableProxy) failSome(w http.ResponseWriter, r *http.Request, body []byte) error {
	var asked, answered map[string]json.RawMessage
	var statements, responses, all []json.RawMessage
	if err := parse(body, &asked, "Statements", &statements); err != nil {
		return err
	}
	fails := map[int]bool{}
	for _, i := range rand.Perm(len(statements))[:min(10, len(statements)-1)] {
		fails[i] = true
	}
	var kept []json.RawMessage
	for i, s := range statements {
		if !fails[i] {
			kept = append(kept, s)
		}
	}
	if err := replace(asked, "Statements", kept); err != nil {
		return err
	}
	rest, err := json.Marshal(asked)
	if err != nil {
		return err
	}
	answer := httptest.NewRecorder()
	if err := p.pass(answer, r, rest); err != nil {
		return err
	}
	if answer.Code != http.StatusOK {
		return fmt.Errorf("the table answers %d", answer.Code)
	}
	if err := parse(answer.Body.Bytes(), &answered, "Responses", &responses); err != nil {
		return err
	}
	for i, next := 0, 0; i < len(statements); i++ {
		if fails[i] {
			all = append(all, json.RawMessage(`{"Error":{"Code":"ThrottlingError","Message":"no capacity"}}`))
			continue
		}
		all = append(all, responses[next])
		next++
	}
	if err := replace(answered, "Responses", all); err != nil {
		return err
	}
	p.failed.Add(int64(len(fails)))
	w.Header().Set("Content-Type", answer.Header().Get("Content-Type"))
	return json.NewEncoder(w).Encode(answered)
}

// parse reads an object, and one list of it.
func parse(text []byte, object *map[string]json.RawMessage, name string, list *[]json.RawMessage) error {
	if err := json.Unmarshal(text, object); err != nil {
		return fmt.Errorf("read %s of %.100s: %w", name, text, err)
	}
	return json.Unmarshal((*object)[name], list)
}

func replace(object map[string]json.RawMessage, name string, list []json.RawMessage) (err error) {
	object[name], err = json.Marshal(list)
	return err
}
