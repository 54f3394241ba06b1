package serve_test

import (
	"context"
	"net/http"
	"strconv"
	"testing"

	"event-processing-service/cmd/internal/programtest"
	"event-processing-service/cmd/internal/serve"
	"event-processing-service/internal/settings"
)

func TestEveryVariableHasItsEffectOnTheContainersProgram(t *testing.T) {
	programtest.API(t, func(t *testing.T, lookup settings.Lookup) *programtest.Program {
		t.Helper()
		env, err := settings.LoadAPI(lookup)
		if err != nil {
			t.Fatal(err)
		}
		if _, given := lookup("PORT"); !given {
			env.Port = programtest.FreePort(t)
		}
		log := &programtest.Output{}
		ctx, stop := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- serve.Run(ctx, env, log) }()
		t.Cleanup(func() {
			stop()
			http.DefaultClient.CloseIdleConnections()
			if err := <-ended; err != nil {
				t.Errorf("it ends with %v", err)
			}
		})
		scheme := "http"
		if env.SelfSigned {
			scheme = "https"
		}
		p := &programtest.Program{URL: scheme + "://127.0.0.1:" + strconv.Itoa(env.Port), Log: log.String, Stop: stop}
		p.AwaitLive(t)
		return p
	})
}
