package api

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"
)

type dependencyOf struct {
	Publisher
	Outcomes
	err error
}

func (d *dependencyOf) Check(context.Context) error { return d.err }

func TestTheLogTellsOnceWhyADependencyIsIllAndOnceThatItIsWell(t *testing.T) {
	var log bytes.Buffer
	kafka, store := &dependencyOf{}, &dependencyOf{}
	h := newHealth("test", kafka, store, slog.New(slog.NewTextHandler(&log, nil)))
	for i, step := range []struct {
		err       error
		ill, well int
	}{{nil, 0, 0}, {errors.New("no route"), 1, 0}, {errors.New("no route"), 1, 0}, {nil, 1, 1}, {nil, 1, 1}} {
		kafka.err, store.err = step.err, step.err
		h.at = time.Time{} // what was seen is too old
		h.look(t.Context())
		for _, name := range []string{"kafka", "store"} {
			ill := strings.Count(log.String(), `"dependency is unhealthy" dependency=`+name+` error="no route"`)
			well := strings.Count(log.String(), `"dependency is healthy again" dependency=`+name)
			if ill != step.ill || well != step.well {
				t.Errorf("step %d: %s is told %d times to be ill and %d times to be well:\n%s", i, name, ill, well, &log)
			}
		}
	}
}
