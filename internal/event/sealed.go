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

// ReasonForgotten is the reason of an outcome whose event took no effect, as its data can't be read any more.
const ReasonForgotten = "forgotten"

// ErrForgotten says that the event's subject was forgotten: the key of its data is deleted, and there is no other.
var ErrForgotten = errors.New("the subject was forgotten, and its key deleted")

// ErrNoKey says that data can't be decrypted, and that no retry helps: the key is in no store that this program knows,
// or the data is damaged.
var ErrNoKey = errors.New("the data can't be decrypted")
