package trigger

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

const (
	runtimeAPIVersion = "/2018-06-01"

	// maxResponseBytes is Lambda's limit for a synchronous response: 6 MB and the 100 bytes that its error message adds.
	maxResponseBytes = 6_291_556

	headerErrorType = "Lambda-Runtime-Function-Error-Type"
	headerErrorBody = "Lambda-Runtime-Function-Error-Body"
)

// routes are the four methods of the Runtime API.
//
// Source: AWS Lambda Developer Guide, "Using the Lambda runtime API for custom runtimes".
func (e *environment) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+runtimeAPIVersion+"/runtime/invocation/next", e.next)
	mux.HandleFunc("POST "+runtimeAPIVersion+"/runtime/invocation/{id}/response", e.response)
	mux.HandleFunc("POST "+runtimeAPIVersion+"/runtime/invocation/{id}/error", e.invocationError)
	mux.HandleFunc("POST "+runtimeAPIVersion+"/runtime/init/error", e.initializationError)
	return mux
}

// next holds the request until there is work. A runtime sets no time limit for it.
func (e *environment) next(w http.ResponseWriter, r *http.Request) {
	e.polled.Do(func() { e.polledAt = time.Now() })
	gone := r.Context().Done()
	select {
	case e.polls <- struct{}{}:
	case <-gone:
		return
	}
	select {
	case inv := <-e.work:
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Lambda-Runtime-Aws-Request-Id", inv.id)
		h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(inv.deadline.UnixMilli(), 10))
		h.Set("Lambda-Runtime-Invoked-Function-Arn", e.cfg.Function.ARN)
		h.Set("Lambda-Runtime-Trace-Id", inv.traceID)
		h.Set("Content-Length", strconv.Itoa(len(inv.payload)))
		w.Write(inv.payload)
	case <-gone:
	}
}

func (e *environment) response(w http.ResponseWriter, r *http.Request) {
	inv := e.runningInvocation(w, r)
	if inv == nil {
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxResponseBytes))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		message := fmt.Sprintf("Response payload size exceeded maximum allowed payload size (%d bytes).", maxResponseBytes)
		inv.answer(answer{err: &FunctionError{Type: ErrorTypeResponseTooLarge, Message: message}})
		reply(w, http.StatusRequestEntityTooLarge, ErrorTypeResponseTooLarge, message)
		return
	}
	if err != nil {
		return // the child ended during the answer; its exit ends the invocation
	}
	// A streamed response can fail after it began. The runtime reports that in trailers.
	if errorType := r.Trailer.Get(headerErrorType); errorType != "" {
		detail, err := base64.StdEncoding.DecodeString(r.Trailer.Get(headerErrorBody))
		if err != nil {
			detail = nil // the type alone must do
		}
		inv.answer(answer{err: parseFunctionError(errorType, detail)})
	} else {
		inv.answer(answer{response: body})
	}
	accepted(w)
}

func (e *environment) invocationError(w http.ResponseWriter, r *http.Request) {
	inv := e.runningInvocation(w, r)
	if inv == nil {
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxResponseBytes))
	if err != nil {
		return
	}
	inv.answer(answer{err: parseFunctionError(r.Header.Get(headerErrorType), body)})
	accepted(w)
}

func (e *environment) initializationError(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxResponseBytes))
	if err != nil {
		return
	}
	e.mu.Lock()
	e.initError = parseFunctionError(r.Header.Get(headerErrorType), body)
	e.mu.Unlock()
	accepted(w)
}

// runningInvocation is the invocation that the path names. Any other id has been answered already (by a timeout, for
// example) and is refused as in Lambda.
func (e *environment) runningInvocation(w http.ResponseWriter, r *http.Request) *invocation {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.running == nil || e.running.id != r.PathValue("id") {
		reply(w, http.StatusBadRequest, "InvalidRequestID", "Invalid request ID")
		return nil
	}
	return e.running
}

// parseFunctionError reads a runtime's error document. errorType comes from a header and is used if the document has
// no type.
func parseFunctionError(headerType string, body []byte) *FunctionError {
	var fe FunctionError
	if err := json.Unmarshal(body, &fe); err != nil {
		fe = FunctionError{Message: string(body)} // the body of a runtime that does not write JSON
	}
	fe.Type = cmp.Or(fe.Type, headerType, "Unhandled")
	return &fe
}

func accepted(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	io.WriteString(w, `{"status":"OK"}`) //nolint:errcheck // a child that is gone is noticed by its exit
}

func reply(w http.ResponseWriter, status int, errorType, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	//nolint:errcheck // as above
	json.NewEncoder(w).Encode(map[string]string{"errorType": errorType, "errorMessage": message})
}
