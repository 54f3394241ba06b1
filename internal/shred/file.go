package shred

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"event-processing-service/internal/event"
)

// Folder keeps keys in files, for the processes of one machine: a file a key, named by the subject's hash and a number
// that counts the subject's keys. A file is made as a whole, by the one process whose name for it is taken, and is
// replaced as a whole when its key is deleted.
type Folder struct{ path string }

// NewFolder keeps keys below path, which is made with the first key.
func NewFolder(path string) *Folder { return &Folder{path: filepath.Clean(path)} }

// file is a key, or what is left of one.
type file struct {
	ID        string     `json:"id"`
	Secret    []byte     `json:"secret,omitempty"`
	Forgotten *time.Time `json:"forgotten_at,omitempty"`
}

// hashOf names a subject in stores: of any length, and not in clear.
func hashOf(subject string) string {
	sum := sha256.Sum256([]byte(subject))
	return hex.EncodeToString(sum[:])
}

func (d *Folder) name(subject string, number int) string {
	return filepath.Join(d.path, hashOf(subject)+"."+strconv.Itoa(number))
}

// all are the subject's keys, the oldest first.
func (d *Folder) all(subject string) (files []file, err error) {
	for n := 1; ; n++ {
		text, err := os.ReadFile(d.name(subject, n))
		if errors.Is(err, fs.ErrNotExist) {
			return files, nil
		}
		var f file
		if err == nil {
			err = json.Unmarshal(text, &f)
		}
		if err == nil && (f.ID == "" || f.Forgotten == nil && len(f.Secret) != len(Key{}.Secret)) {
			err = errors.New("it is neither a key nor what is left of one")
		}
		if err != nil {
			return nil, fmt.Errorf("read key %s: %w", d.name(subject, n), err)
		}
		files = append(files, f)
	}
}

func (f *file) key() (k Key) {
	k.ID = f.ID
	copy(k.Secret[:], f.Secret)
	return k
}

// Current is the subject's newest key.
func (d *Folder) Current(_ context.Context, subject string) (Key, error) {
	if err := os.MkdirAll(d.path, 0o700); err != nil {
		return Key{}, fmt.Errorf("make the folder of keys: %w", err)
	}
	for {
		files, err := d.all(subject)
		if err != nil {
			return Key{}, err
		}
		if n := len(files); n > 0 && files[n-1].Forgotten == nil {
			return files[n-1].key(), nil
		}
		k := newKey()
		err = d.write(d.name(subject, len(files)+1), file{ID: k.ID, Secret: k.Secret[:]}, os.Link)
		if errors.Is(err, fs.ErrExist) {
			continue // another process was faster
		}
		return k, err
	}
}

// Find is one of the subject's keys.
func (d *Folder) Find(_ context.Context, subject, id string) (Key, error) {
	files, err := d.all(subject)
	if err != nil {
		return Key{}, err
	}
	for _, f := range files {
		switch {
		case f.ID != id:
		case f.Forgotten != nil:
			return Key{}, fmt.Errorf("key %s: %w", id, event.ErrForgotten)
		default:
			return f.key(), nil
		}
	}
	return Key{}, unknown(id)
}

// unknown says that a store never had the key.
func unknown(id string) error {
	return fmt.Errorf("%w: key %s is not in this key store", event.ErrNoKey, event.Shorten(id))
}

// Forget replaces the files of the subject's keys, after it has written zeros over them. What the disk keeps of them
// elsewhere, such as in snapshots, is out of its reach.
func (d *Folder) Forget(_ context.Context, subject string) (forgotten []Forgotten, err error) {
	files, err := d.all(subject)
	if err != nil {
		return nil, err
	}
	for i, f := range files {
		path := d.name(subject, i+1)
		if f.Forgotten == nil {
			now := time.Now().UTC()
			f = file{ID: f.ID, Forgotten: &now}
			if err := d.write(path+".forgotten", f, os.Rename); err != nil {
				return forgotten, err
			}
			if err := overwrite(path); err != nil {
				return forgotten, fmt.Errorf("overwrite key %s: %w", path, err)
			}
			if err := os.Rename(path+".forgotten", path); err != nil {
				return forgotten, fmt.Errorf("delete key %s: %w", path, err)
			}
		}
		forgotten = append(forgotten, Forgotten{f.ID, *f.Forgotten})
	}
	return forgotten, nil
}

// overwrite puts spaces, which JSON does not read as a key either, over a file's bytes.
func overwrite(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil {
		_, err = f.WriteAt(make([]byte, info.Size()), 0)
	}
	return errors.Join(err, f.Sync(), f.Close())
}

// write makes a whole file beside the folder's others, and then gives it its name by put.
func (d *Folder) write(path string, f file, put func(from, to string) error) error {
	text, err := json.Marshal(f) //nolint:gosec // it is what the file is for
	if err != nil {
		return fmt.Errorf("encode key: %w", err)
	}
	temporary, err := os.CreateTemp(d.path, "new-*") // which only its owner reads
	if err != nil {
		return fmt.Errorf("write key: %w", err)
	}
	defer func() { _ = os.Remove(temporary.Name()) }() // gone already where it was renamed
	_, err = temporary.Write(text)
	if err = errors.Join(err, temporary.Sync(), temporary.Close()); err != nil {
		return fmt.Errorf("write key: %w", err)
	}
	if err := put(temporary.Name(), path); err != nil {
		return fmt.Errorf("write key: %w", err)
	}
	return nil
}
