package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// watcher runs a program, and rebuilds and restarts it when its sources change. While they do not compile the old one
// goes on.
type watcher struct {
	module  string // folder of its go.mod
	program string // its package, such as ./cmd/local
	args    []string
	out     io.Writer
	errs    io.Writer
	every   time.Duration // between two looks at the sources
}

const (
	lookEvery = 300 * time.Millisecond
	// endTimeout is above what the program takes to end: it answers what it has begun, and gives up after 3 s twice.
	endTimeout = 10 * time.Second
)

// runWatched runs this program under a watcher until ctx ends. Events outlive each build, in the folder of --data or in
// one that is deleted at the end.
func runWatched(ctx context.Context, env environment, args []string) error {
	module, err := moduleFolder(ctx)
	if err != nil {
		return err
	}
	args = slices.DeleteFunc(slices.Clone(args), func(arg string) bool {
		return strings.HasPrefix(arg, "-") && strings.HasPrefix(strings.TrimLeft(arg, "-"), "watch")
	})
	if env.embedded && env.data == "" {
		folder, err := os.MkdirTemp("", "event-processing-service-")
		if err != nil {
			return fmt.Errorf("make a folder for the broker: %w", err)
		}
		defer func() { _ = os.RemoveAll(folder) }()
		args = append(args, "--data", folder)
	}
	w := watcher{
		module: module, program: "./cmd/local", args: args, out: os.Stdout, errs: os.Stderr, every: lookEvery,
	}
	return w.run(ctx)
}

func moduleFolder(ctx context.Context) (string, error) {
	said, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("find the module for --watch: %w", err)
	}
	file := strings.TrimSpace(string(said))
	if filepath.Base(file) != "go.mod" {
		return "", errors.New("--watch rebuilds this program, so it must be started in a folder of its module")
	}
	return filepath.Dir(file), nil
}

func (w *watcher) run(ctx context.Context) error {
	folder, err := os.MkdirTemp("", "watch-")
	if err != nil {
		return fmt.Errorf("make a folder for builds: %w", err)
	}
	defer func() { _ = os.RemoveAll(folder) }()
	var now *process
	defer func() { now.end() }()
	for n := 0; ctx.Err() == nil; n++ {
		seen, err := w.sources()
		if err != nil {
			return err
		}
		// A name of its own for each build: a program that runs can't be overwritten everywhere.
		binary := filepath.Join(folder, strconv.Itoa(n)+".exe")
		if w.build(ctx, binary) {
			now.end()
			if now, err = w.start(ctx, binary); err != nil {
				return err
			}
		} else if ctx.Err() == nil {
			w.say("the build failed; %s", now.stands())
		}
		if err := w.wait(ctx, now, seen); err != nil {
			return err
		}
	}
	return nil
}

func (w *watcher) say(format string, args ...any) {
	fmt.Fprintf(w.errs, "watch: "+format+"\n", args...)
}

// build says what the compiler says.
func (w *watcher) build(ctx context.Context, binary string) bool {
	c := exec.CommandContext(ctx, "go", "build", "-ldflags=-w", "-o", binary, w.program) // -w: it links faster
	c.Dir, c.Stdout, c.Stderr = w.module, w.errs, w.errs
	return c.Run() == nil
}

// wait returns when the sources are other ones, and stay so from one look to the next: an editor writes several files.
func (w *watcher) wait(ctx context.Context, now *process, seen map[string]string) error {
	ended := now.ended()
	before := seen
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ended:
			if ctx.Err() == nil {
				w.say("the program ended: %v; a change restarts it", now.err)
			}
			ended = nil
			continue
		case <-time.After(w.every):
		}
		current, err := w.sources()
		if err != nil {
			return err
		}
		if !maps.Equal(current, seen) && maps.Equal(current, before) {
			w.say("%s changed; building", changed(seen, current))
			return nil
		}
		before = current
	}
}

// changed names one file that differs.
func changed(before, now map[string]string) string {
	for path, stamp := range now {
		if before[path] != stamp {
			return path
		}
	}
	for path := range before {
		if _, still := now[path]; !still {
			return path
		}
	}
	return ""
}

// sources are the files of the module that a build may read, with what changes when they do.
func (w *watcher) sources() (map[string]string, error) {
	all := map[string]string{}
	err := filepath.WalkDir(w.module, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) { // it was deleted meanwhile
			return nil
		}
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() {
			if path != w.module && (strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules") {
				return fs.SkipDir
			}
			return nil
		}
		switch filepath.Ext(name) {
		case ".go", ".mod", ".sum", ".json", ".yaml", ".html", ".js", ".css", ".svg":
		default:
			return nil
		}
		if strings.HasSuffix(name, "_test.go") {
			return nil
		}
		info, err := entry.Info()
		if err != nil { // as above
			return nil //nolint:nilerr // the next look finds it gone
		}
		short, _ := filepath.Rel(w.module, path)
		all[short] = fmt.Sprint(info.ModTime().UnixNano(), " ", info.Size())
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look at the sources: %w", err)
	}
	return all, nil
}

// process is a program that was started. nil is none.
type process struct {
	*exec.Cmd
	done chan struct{}
	err  error // once done is closed
}

func (w *watcher) start(ctx context.Context, binary string) (*process, error) {
	// It is ended by end, which lets it finish what it has begun.
	c := exec.CommandContext(context.WithoutCancel(ctx), binary, w.args...)
	c.Stdout, c.Stderr = w.out, w.errs
	if err := c.Start(); err != nil {
		return nil, fmt.Errorf("start what was built: %w", err)
	}
	p := &process{Cmd: c, done: make(chan struct{})}
	go func() {
		p.err = c.Wait()
		close(p.done)
	}()
	return p, nil
}

func (p *process) ended() <-chan struct{} {
	if p == nil {
		return nil
	}
	return p.done
}

func (p *process) stands() string {
	if p == nil {
		return "nothing runs yet"
	}
	select {
	case <-p.done:
		return "nothing runs"
	default:
		return "what was built before goes on"
	}
}

// end ends the process as Ctrl-C would, or else by force.
func (p *process) end() {
	if p == nil {
		return
	}
	if err := p.Process.Signal(syscall.SIGTERM); err != nil { // as on Windows, which has no such signal
		_ = p.Process.Kill()
	}
	select {
	case <-p.done:
	case <-time.After(endTimeout):
		_ = p.Process.Kill()
		<-p.done
	}
}
