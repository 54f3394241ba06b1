package main

import (
	"errors"
	"os"
	"path/filepath"
)

// replaceFile replaces the file, or makes it, in one step: a concurrent reader sees the old or the new text, and so
// does who comes after a crash. Only its owner may read it.
func replaceFile(path, text string) error {
	next, err := os.CreateTemp(filepath.Dir(path), ".next-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(next.Name()) }() // it has another name by then, if all went well
	_, err = next.WriteString(text + "\n")
	if err := errors.Join(err, next.Sync(), next.Close()); err != nil {
		return err
	}
	return os.Rename(next.Name(), path)
}
