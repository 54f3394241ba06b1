package kafka

// Buffered tells how many records wait for Kafka's acknowledgement, and their bytes.
func (p *Publisher) Buffered() (records, bytes int64) {
	return p.client.BufferedProduceRecords(), p.client.BufferedProduceBytes()
}
