package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/twmb/franz-go/pkg/kfake"

	"event-processing-service/cmd/internal/assembly"
	pages "event-processing-service/console"
	"event-processing-service/internal/store"
)

// data is a folder in which the broker, the outcomes and the console's token outlive the process. The zero data is
// none.
type data struct {
	folder string
	lock   *os.File
}

// errTaken says that another process has the folder.
var errTaken = errors.New("another process has it open")

// openData makes the folder where it is missing, and holds it until it is closed or the process ends, however it ends.
func openData(folder string) (d data, err error) {
	if folder == "" {
		return d, nil
	}
	d.folder = folder
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return data{}, fmt.Errorf("make the folder of --data: %w", err)
	}
	if d.lock, err = lockFile(filepath.Join(folder, "lock")); err != nil {
		return data{}, fmt.Errorf("open --data %s: %w", folder, err)
	}
	if err := checkBroker(d.broker()); err != nil {
		d.close()
		return data{}, fmt.Errorf("%w; put back a copy of %s, or delete it to start afresh", err, folder)
	}
	return d, nil
}

func (d data) isKept() bool { return d.folder != "" }

func (d data) close() {
	if d.lock != nil {
		_ = d.lock.Close() // which lets go of it, whatever it says
	}
}

func (d data) broker() string { return filepath.Join(d.folder, "broker") }

// options let the broker write what it is asked to store before it answers. It does not force each record to the disk,
// as Kafka doesn't.
func (d data) options(log *slog.Logger) []kfake.Opt {
	if !d.isKept() {
		return nil
	}
	return []kfake.Opt{kfake.DataDir(d.broker()), kfake.WithLogger(brokerLog{log})}
}

// outcomes is the store of a processor, "" is the first, whose memory is the folder's, where it is not a table.
func (d data) outcomes(a *assembly.Assembly, env environment, processor string) (
	events assembly.Store, closeStore func(), err error,
) {
	if !d.isKept() || env.processor.Store.Kind == "dynamodb" {
		events, err = a.Store(env.processor.Store, processor)
		return events, func() {}, err
	}
	name := assembly.GroupOf("outcomes", processor)
	file, err := store.OpenFile(filepath.Join(d.folder, name), assembly.Retention(env.processor.Store))
	if err != nil {
		return nil, nil, fmt.Errorf("%w; put back a copy of %s, or delete it to start afresh", err, d.folder)
	}
	return file, func() { _ = file.Close() }, nil
}

// token is the console's. The folder keeps it, so that a page that is open stays so over a restart.
func (d data) token() (string, error) {
	if !d.isKept() {
		return pages.NewToken(), nil
	}
	path := filepath.Join(d.folder, "console-token")
	kept, err := os.ReadFile(path)
	if token := strings.TrimSpace(string(kept)); err == nil && token != "" {
		return token, nil
	}
	token := pages.NewToken()
	if err := os.WriteFile(path, []byte(token+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("keep the console's token: %w", err)
	}
	return token, nil
}

// brokerLog hands on what the broker could not write.
type brokerLog struct{ log *slog.Logger }

func (b brokerLog) Logf(level kfake.LogLevel, format string, args ...any) {
	if level == kfake.LogLevelWarn || level == kfake.LogLevelError {
		b.log.Warn("embedded broker", "message", fmt.Sprintf(format, args...))
	}
}
