package store

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"time"

	"event-processing-service/internal/event"
)

// File is a Memory that outlives its process, for a laptop: each change is a line in a file before it is answered. A
// process that is killed loses nothing; a machine that loses its power may lose the last lines, as they are not forced
// to the disk. It is for one process at a time, and who opens it sees to that.
type File struct {
	*Memory
	path  string
	file  *os.File
	lines int   // of the file; a compaction leaves one for each event
	tear  error // why a line could not be written. What followed it would not be found again, so nothing does
}

// line is one change. The file holds it behind its checksum and a space.
type line struct {
	Source, ID string
	Outcome    *event.Outcome `json:",omitempty"`
	Owner      string         `json:",omitempty"`
	Hops       int            `json:",omitempty"`
	Attempts   int
	Began      time.Time `json:",omitzero"`
	Until      time.Time `json:",omitzero"`
	Reason     string    `json:",omitempty"`
	Version    int64
	Expires    time.Time
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// OpenFile reads what the file remembers, and makes it if there is none. A line without its end was never answered, and
// is dropped; any other damage is an error that names the line.
func OpenFile(path string, retention time.Duration) (*File, error) {
	f := &File{Memory: NewMemory(retention), path: path}
	if err := f.load(); err != nil {
		return nil, err
	}
	if err := f.compact(); err != nil {
		return nil, err
	}
	f.keep = f.append
	return f, nil
}

// Close lets go of the file.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tear = os.ErrClosed
	return f.file.Close()
}

func (f *File) load() error {
	in, err := os.Open(f.path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open the outcomes: %w", err)
	}
	defer func() { _ = in.Close() }() // it was only read
	now, lines := time.Now(), bufio.NewReaderSize(in, 64<<10)
	for n := 1; ; n++ {
		text, err := lines.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read the outcomes: %w", err)
		}
		isTorn := err != nil
		if isTorn && len(text) == 0 {
			return nil
		}
		l, err := decodeLine(text)
		switch {
		case err != nil && isTorn:
			return nil
		case err != nil:
			return fmt.Errorf("%s is damaged in line %d: %w", f.path, n, err)
		}
		f.restore(l, now)
	}
}

func decodeLine(text []byte) (l line, err error) {
	sum, body, _ := bytes.Cut(bytes.TrimSuffix(text, []byte("\n")), []byte(" "))
	if string(sum) != checksum(body) {
		return l, errors.New("its checksum does not match")
	}
	return l, json.Unmarshal(body, &l)
}

func encodeLine(id event.Identity, e *entry) ([]byte, error) {
	w := e.work
	l := line{
		Source: id.Source, ID: id.ID, Owner: w.owner, Hops: w.hops, Attempts: w.attempts, Began: w.began, Until: w.until,
		Reason: w.reason, Version: e.version, Expires: e.expires,
	}
	if e.outcome.Status != "" {
		l.Outcome = &e.outcome
	}
	body, err := json.Marshal(l)
	if err != nil {
		return nil, fmt.Errorf("encode an outcome: %w", err)
	}
	return fmt.Appendf(nil, "%s %s\n", checksum(body), body), nil
}

func checksum(body []byte) string { return fmt.Sprintf("%08x", crc32.Checksum(body, castagnoli)) }

func (f *File) restore(l line, now time.Time) {
	e := &entry{version: l.Version, expires: l.Expires, work: work{
		owner: l.Owner, hops: l.Hops, attempts: l.Attempts, began: l.Began, until: l.Until, reason: l.Reason,
	}}
	if l.Outcome != nil {
		e.outcome = *l.Outcome
	}
	if now.Before(e.expires) {
		f.put(event.Identity{Source: l.Source, ID: l.ID}, e, now)
	}
}

// append writes the change, with one call, so that a process that is killed leaves a whole line or a part without its
// end.
func (f *File) append(id event.Identity, e *entry) error {
	if f.tear == nil && f.lines > 3*len(f.entries)+1000 {
		f.tear = f.compact()
	}
	if f.tear != nil {
		return fmt.Errorf("save an outcome: %w", f.tear)
	}
	text, err := encodeLine(id, e)
	if err != nil {
		return err
	}
	f.lines++
	if _, f.tear = f.file.Write(text); f.tear != nil {
		return fmt.Errorf("save an outcome: %w", f.tear)
	}
	return nil
}

// compact writes the file anew, with one line for each event, and puts it in the place of the old one. No file is open
// then, as Windows renames none that is.
func (f *File) compact() error {
	if f.file != nil {
		_ = f.file.Close() // each line of it was written
	}
	next := f.path + ".new"
	lines, err := f.write(next)
	if err == nil {
		err = os.Rename(next, f.path)
	}
	if err != nil {
		return fmt.Errorf("write the outcomes: %w", err)
	}
	f.lines = lines
	if f.file, err = os.OpenFile(f.path, os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
		return fmt.Errorf("open the outcomes: %w", err)
	}
	return nil
}

func (f *File) write(path string) (lines int, err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	out := bufio.NewWriterSize(file, 64<<10)
	for _, id := range f.order[f.head:] {
		text, err := encodeLine(id, f.entries[id])
		if err != nil {
			return 0, errors.Join(err, file.Close())
		}
		lines++
		_, _ = out.Write(text) // Flush returns its error
	}
	return lines, errors.Join(out.Flush(), file.Sync(), file.Close())
}
