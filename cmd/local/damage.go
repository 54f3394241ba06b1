package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// The broker cuts off a file where it can't read it, and forgets what lies behind. That is right for the last record,
// which a process that was killed had not stored in whole nor answered; for any other it would be a loss that nobody is
// told of. So what it wrote is looked at before it starts.

// indexEntry is the size of what the index of a segment has for each batch. It is written after the batch.
const indexEntry = 15

// maxFrame is above all that the broker writes at once.
const maxFrame = 1 << 30

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checkBroker names the first file of the broker's folder that is damaged.
func checkBroker(folder string) error {
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		switch filepath.Ext(path) {
		case ".json":
			return checkJSON(path)
		case ".dat":
			return checkFrames(path, 12, batchFrame, indexed(path))
		case ".idx":
			if _, err := os.Stat(segmentOf(path)); err != nil {
				return fmt.Errorf("%s is missing, though its index exists", segmentOf(path))
			}
		case ".log":
			return checkFrames(path, 8, logFrame, 0)
		}
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func segmentOf(index string) string { return strings.TrimSuffix(index, ".idx") + ".dat" }

// indexed is how many batches the segment had.
func indexed(segment string) int {
	info, err := os.Stat(strings.TrimSuffix(segment, ".dat") + ".idx")
	if err != nil {
		return 0
	}
	return int(info.Size() / indexEntry)
}

func checkJSON(path string) error {
	text, err := os.ReadFile(path)
	if err == nil && !json.Valid(text) {
		return fmt.Errorf("%s is damaged: it is not JSON", path)
	}
	return err
}

// frame tells from the head of a frame how many bytes follow it, and from those whether they are what was written.
type frame func(head []byte) (rest int, isWhole func(rest []byte) bool)

// batchFrame is a record batch as it travels: its length is at byte 8, and its checksum covers all behind byte 21.
func batchFrame(head []byte) (int, func([]byte) bool) {
	return int(binary.BigEndian.Uint32(head[8:])), func(rest []byte) bool {
		return len(rest) >= 9 && binary.BigEndian.Uint32(rest[5:]) == crc32.Checksum(rest[9:], castagnoli)
	}
}

// logFrame is a line of the log of groups or producers.
func logFrame(head []byte) (int, func([]byte) bool) {
	return int(binary.LittleEndian.Uint32(head)), func(rest []byte) bool {
		return len(rest) >= 2 && binary.LittleEndian.Uint32(head[4:]) == crc32.Checksum(rest, castagnoli)
	}
}

// checkFrames reads a file of frames, of which there must be so many; the last may lack its end.
func checkFrames(path string, headSize int, read frame, atLeast int) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // it was only read
	in, head, body := bufio.NewReaderSize(file, 64<<10), make([]byte, headSize), []byte(nil)
	for at, n := int64(0), 0; ; n++ {
		_, err := io.ReadFull(in, head)
		if err == nil {
			rest, isWhole := read(head)
			if rest > maxFrame {
				return fmt.Errorf("%s is damaged at byte %d: its length goes beyond the end", path, at)
			}
			if cap(body) < rest {
				body = make([]byte, rest)
			}
			body = body[:rest]
			if _, err = io.ReadFull(in, body); err == nil && !isWhole(body) {
				return fmt.Errorf("%s is damaged at byte %d: its checksum does not match", path, at)
			}
			at += int64(headSize + rest)
		}
		switch {
		case err == nil:
			continue
		case !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
			return fmt.Errorf("read %s: %w", path, err)
		case n < atLeast:
			return fmt.Errorf("%s is damaged: it has %d batches, and had %d", path, n, atLeast)
		}
		return nil
	}
}
