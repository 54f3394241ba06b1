package objects

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"event-processing-service/archive"
)

// Directory keeps objects as files. Several processes may write to one.
type Directory struct{ root string }

// NewDirectory makes a Directory. It is created with its first object.
func NewDirectory(path string) *Directory { return &Directory{filepath.Clean(path)} }

func (d *Directory) path(name string) string { return filepath.Join(d.root, filepath.FromSlash(name)) }

// partial begins the names of files that are being written. They are not objects; a process that died leaves them
// behind.
const partial = ".partial-"

// Put writes a file beside its place and then gives it its name, which fails where the name is taken. File and folders
// are on the disk when it returns.
func (d *Directory) Put(_ context.Context, name string, body []byte) error {
	if err := d.put(d.path(name), body); err != nil {
		if errors.Is(err, fs.ErrExist) {
			err = archive.ErrExists
		}
		return fmt.Errorf("write object %s: %w", name, err)
	}
	return nil
}

func (d *Directory) put(path string, body []byte) error {
	folder := filepath.Dir(path)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	file, err := os.CreateTemp(folder, partial)
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(file.Name()) }() // what stays is not read
	_, err = file.Write(body)
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Link(file.Name(), path); err != nil {
		return err
	}
	return d.sync(folder)
}

// sync makes the names of a folder and of those above it, up to the root, outlive a loss of power.
func (d *Directory) sync(folder string) error {
	if runtime.GOOS == "windows" { // which has no such call for folders
		return nil
	}
	for {
		file, err := os.Open(folder)
		if err != nil {
			return err
		}
		if err := errors.Join(file.Sync(), file.Close()); err != nil {
			return err
		}
		if folder == d.root {
			return nil
		}
		folder = filepath.Dir(folder)
	}
}

// Get opens the file.
func (d *Directory) Get(_ context.Context, name string) (io.ReadCloser, error) {
	file, err := os.Open(d.path(name))
	if err != nil {
		return nil, fmt.Errorf("read object %s: %w", name, err)
	}
	return file, nil
}

// List walks the directory. One that does not exist has no objects yet.
func (d *Directory) List(ctx context.Context, prefix, from string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		err := filepath.WalkDir(d.root, func(path string, entry fs.DirEntry, err error) error {
			relative, _ := filepath.Rel(d.root, path) // below it
			name := filepath.ToSlash(relative)
			switch {
			case errors.Is(err, fs.ErrNotExist): // gone meanwhile, as partial files are, or not begun
				return nil
			case err != nil:
				return err
			case ctx.Err() != nil:
				return ctx.Err()
			case entry.IsDir() && name == ".":
				return nil
			case entry.IsDir():
				// All names below begin with name and a slash, behind which the next character is 0.
				if all := name + "/"; name+"0" <= from || !strings.HasPrefix(all, prefix) && !strings.HasPrefix(prefix, all) {
					return filepath.SkipDir
				}
				return nil
			case !strings.HasPrefix(name, prefix) || name < from || strings.HasPrefix(entry.Name(), partial):
				return nil
			}
			if !yield(name, nil) {
				return filepath.SkipAll
			}
			return nil
		})
		if err != nil {
			yield("", fmt.Errorf("list %s: %w", d.root, err))
		}
	}
}
