package event

import "errors"

// The extension attributes of an event whose data is encrypted with a key of its subject.
const (
	AttrDataKey       = "datakeyid"
	AttrDataAlgorithm = "datakeyalg"
	AttrDataType      = "datakeytype" // the datacontenttype of what is encrypted; absent: it has none
)

// IsSealed tells whether the event's data is encrypted.
func (e *Event) IsSealed() bool {
	return len(e.Extensions) > 1 && e.Extension(AttrDataKey) != "" && e.Extension(AttrDataAlgorithm) != ""
}

// ReasonForgotten is the reason in the outcome of an event that took no effect because its data can't be read any
// more.
const ReasonForgotten = "forgotten"

// ErrForgotten says that the event's subject was forgotten: the key of its data is deleted.
var ErrForgotten = errors.New("the subject was forgotten, and its key deleted")

// ErrNoKey says that data can't be decrypted, and that a retry won't help: the program's key stores lack the key, or
// the data is damaged.
var ErrNoKey = errors.New("the data can't be decrypted")
