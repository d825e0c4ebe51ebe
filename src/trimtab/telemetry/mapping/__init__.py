"""From foreign spans to rows: what each says, what became of it, whose usage counts; in this process or in others."""
