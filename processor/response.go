package processor

// Response tells the event source mapping which records to deliver again (AWS Lambda Developer Guide, "Configuring error
// handling controls for Kafka event sources"). Without failures the whole batch has succeeded. It is read only where the
// mapping reports batch item failures.
type Response struct {
	BatchItemFailures []BatchItemFailure `json:"batchItemFailures"` // never nil: an empty array says success
}

// BatchItemFailure names one record.
type BatchItemFailure struct {
	ItemIdentifier ItemIdentifier `json:"itemIdentifier"`
}

// ItemIdentifier is where the record lies.
type ItemIdentifier struct {
	Partition string `json:"partition"` // "<topic>-<partition number>", the key under which the record came
	Offset    int64  `json:"offset"`
}
