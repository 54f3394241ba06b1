package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"event-processing-service/archive/objects"
	"event-processing-service/cmd/internal/archiving"
	"event-processing-service/cmd/internal/assembly"
)

// archiveWindow is how long a record waits for others before it is archived. A person who tries things should not wait
// for a minute.
const archiveWindow = 2 * time.Second

// records is the archive of a run. Without a place there is none.
type records struct {
	url   string
	place objects.Place
	close func()
}

// openRecords opens the archive that ARCHIVE_URL names or, without one, a folder beside the broker's: in --data, or one
// that is gone when this ends. Of other brokers nothing is archived then, as their next archive would lack it.
func openRecords(a *assembly.Assembly, env environment) (records, error) {
	r := records{url: env.archiveURL, close: func() {}}
	switch {
	case r.url == "" && !env.embedded:
		return r, nil
	case r.url == "" && env.data != "":
		folder, err := filepath.Abs(filepath.Join(env.data, "archive"))
		if err != nil {
			return r, fmt.Errorf("find the folder of --data: %w", err)
		}
		r.url = fileURL(folder)
	case r.url == "":
		folder, err := os.MkdirTemp("", "event-processing-service-archive-")
		if err != nil {
			return r, fmt.Errorf("make a folder for the archive: %w", err)
		}
		r.close = func() { _ = os.RemoveAll(folder) } // the system clears its temporary folder, too
		r.url = fileURL(folder)
	}
	var err error
	if r.place, err = archiving.Open(a, r.url); err != nil {
		r.close()
	}
	return r, err
}

// fileURL is file:///C:/x, too.
func fileURL(path string) string {
	slashed := filepath.ToSlash(path)
	if slashed[0] != '/' {
		slashed = "/" + slashed
	}
	return (&url.URL{Scheme: "file", Path: slashed}).String()
}

func (r records) run(ctx context.Context, a *assembly.Assembly, env environment) error {
	if r.place == nil {
		return nil
	}
	return archiving.Run(ctx, a, env.processor, r.place, assembly.ArchiveGroup, archiveWindow)
}
