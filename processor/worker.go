package processor

import (
	"crypto/rand"
	"encoding/hex"
	"time"
)

// worker works on one record after the other. What it needs again for the next one it keeps.
type worker struct {
	*Processor
	*deadlines
	letters *letterbook // of the invocation
	caller  *caller     // nil: none yet
	timer   *time.Timer // of an attempt; nil: none yet
	owners  string      // the next claims' owners, ownerLength characters each
}

// ownerLength makes an owner of 128 random bits in hexadecimal: no two are the same, in any process.
const ownerLength = 32

// ownersAtOnce are made together, which costs little more than making one.
const ownersAtOnce = 8

// owner returns a name that no other claim has.
func (w *worker) owner() string {
	if w.owners == "" {
		var random [ownersAtOnce * ownerLength / 2]byte
		_, _ = rand.Read(random[:]) // it never fails
		w.owners = hex.EncodeToString(random[:])
	}
	owner := w.owners[:ownerLength]
	w.owners = w.owners[ownerLength:]
	return owner
}
