package processortest

import (
	"net/http"
	"net/http/httptest"
)

// Service is the transport of an http.Client that asks a handler without a socket in between. Fake time does not pass
// while a handler waits for a socket, as a connection to an httptest.Server that is kept open does.
type Service struct{ http.Handler }

// RoundTrip answers unless the request's context has ended.
func (s Service) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	answer := httptest.NewRecorder()
	s.ServeHTTP(answer, r)
	return answer.Result(), nil
}
