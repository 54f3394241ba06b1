package event

import "fmt"

// Place is where a record lies.
type Place struct {
	Topic     string
	Partition int32
	Offset    int64
}

// String is the form for people and for ids: "topic/partition/offset".
func (p Place) String() string { return fmt.Sprintf("%s/%d/%d", p.Topic, p.Partition, p.Offset) }
