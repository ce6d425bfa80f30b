"""The strings of the corpus and review pages in each language: apart from ``words``, since few visitors see them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DeskWords:
    """One language's strings. ``{name}`` places are filled with ``str.format``, or by the page's script."""

    # both pages
    admin_title: str
    admin_note: str
    admin_label: str
    admin_send: str
    admin_wrong: str
    loading: str
    failed: str
    cancel: str
    close: str
    table: str
    showing: str
    previous: str
    following: str
    nothing: str
    delete: str
    # the corpus
    corpus_lead: str
    figures: str
    model: str
    counts: Mapping[str, str]
    articles_by_file: str
    files_by_articles: str
    articles_by_file_text: str
    files_by_articles_text: str
    passages_by_length: str
    passages_by_length_text: str
    number_of_articles: str
    number_of_files: str
    number_of_passages: str
    characters: str
    upload: str
    drop: str
    choose: str
    choose_folder: str
    upload_note: str
    sending: str
    states: Mapping[str, str]
    doing: Mapping[str, str]
    job_states: Mapping[str, str]
    kinds: Mapping[str, str]
    jobs: str
    articles: str
    files: str
    search: str
    search_note: str
    headline: str
    file: str
    origin: str
    from_upload: str
    from_folder: str
    from_path: str
    untitled: str
    split: str
    split_note: str
    passage: str
    furniture: str
    furniture_kinds: Mapping[str, str]
    confirm_article: str
    confirm_file: str
    deleted: str
    index: str
    index_note: str
    # the owner's words
    words: str
    words_note: str
    dictionary: str
    dictionary_note: str
    synonyms: str
    synonyms_note: str
    preview: str
    preview_note: str
    preview_question: str
    before: str
    after: str
    cut: str
    terms: str
    hits: str
    new_hit: str
    moved: str
    gone: str
    same: str
    among: str
    save: str
    saved: str
    unsaved: str
    # the review
    review_lead: str
    review_off: str
    asked: str
    unanswered: str
    unanswered_note: str
    outcome: str
    every: str
    thumb: str
    thumbs: Mapping[str, str]
    reasons: Mapping[str, str]
    surface: str
    surfaces: Mapping[str, str]
    since: str
    until: str
    text: str
    apply: str
    when: str
    question: str
    answer: str
    confidence: str
    took: str
    times: str
    details: str
    searched_as: str
    earlier: str
    passages: str
    comment: str
    asked_by_day: str
    asked_by_day_text: str
    day: str
    number_of_questions: str
    confidence_plot: str
    confidence_plot_text: str
    took_plot_text: str
    milliseconds: str
    took_summary: str
    export: str
    clear: str
    confirm_clear: str
    cleared: str
    gold: str
    gold_made: str
    gold_note: str
    gold_evidence: str
    gold_file: str
    gold_answer: str
    gold_none: str
    gold_save: str
    gold_saved: str


DESK: Mapping[str, DeskWords] = {
    "zh": DeskWords(
        admin_title="需要管理员令牌",
        admin_note="这个页面只给管理员看。在服务器上用 wenbao keys 生成令牌；它只保存在这个标签页里。",
        admin_label="管理员令牌",
        admin_send="打开",
        admin_wrong="这个令牌不对，或没有管理员权限。",
        loading="正在读取…",
        failed="出错了，请再试一次。",
        cancel="取消",
        close="关闭",
        table="数据表",
        showing="第 {first}–{last} 条，共 {total} 条",
        previous="上一页",
        following="下一页",
        nothing="没有符合的内容。",
        delete="删除",
        corpus_lead="这里收录了哪些文章，它们是怎样切分的，用词怎样断开。",
        figures="概况",
        counts={"files": "文件", "articles": "文章", "sections": "小节", "passages": "段落"},
        model="向量模型：{name}，{dim} 维",
        articles_by_file="每个文件的文章数",
        files_by_articles="一个文件有几篇文章",
        articles_by_file_text="{files} 个文件共有 {articles} 篇文章，最多的一个有 {most} 篇。",
        files_by_articles_text="{files} 个文件共有 {articles} 篇文章，最多的一个有 {most} 篇。",
        passages_by_length="段落长度",
        passages_by_length_text="{passages} 段，长度中位数 {median} 字，最长 {most} 字。",
        number_of_articles="文章数",
        number_of_files="文件数",
        number_of_passages="段落数",
        characters="字数",
        upload="添加文章",
        drop="把文件拖到这里，或者",
        choose="选择文件",
        choose_folder="选择文件夹",
        upload_note="txt、md、html、docx、pdf，或装有这些文件的 zip；每个最大 {mb} MB。同名文件会被新的替换。",
        sending="正在发送 {percent}%",
        states={
            "sending": "发送中",
            "waiting": "等待整理",
            "opened": "已打开",
            "added": "已添加",
            "changed": "已更新",
            "unchanged": "没有变化",
            "problem": "未收录",
        },
        doing={"read": "正在读文件", "embed": "正在计算向量 {done}/{total}", "terms": "正在建立索引 {done}/{total}"},
        job_states={"running": "进行中", "done": "完成", "failed": "失败"},
        kinds={"upload": "上传", "index": "整理索引", "terms": "更新用词"},
        jobs="最近的操作",
        articles="文章",
        files="文件",
        search="查找",
        search_note="标题或文件名",
        headline="标题",
        file="文件",
        origin="来源",
        from_upload="上传",
        from_folder="文件夹 {name}",
        from_path="单个文件",
        untitled="无标题片段",
        split="怎样切分",
        split_note="{sections} 个小节，{passages} 段。查找的单位是段。",
        passage="第 {number} 段 · {chars} 字 · 第 {start}–{end} 字",
        furniture="不属于正文的内容",
        furniture_kinds={
            "masthead": "报头",
            "banner": "版名",
            "imprint": "版权信息",
            "running head": "书眉",
            "rule": "分隔线",
            "advertisement": "广告",
            "contact": "联系方式",
            "credit": "署名",
        },
        confirm_article="删除文章“{name}”？它会立即从所有回答中消失。",
        confirm_file="删除文件“{name}”和其中的所有文章？它们会立即从所有回答中消失。",
        deleted="已删除“{name}”。",
        index="整理索引",
        index_note="完成中断的工作，或在换了模型、版本、用词之后更新。平时不需要。",
        words="用词",
        words_note="词典告诉系统哪些字连成一个词；同义词让问法不同的问题找到同一段。保存后会重建词语索引。",
        dictionary="词典",
        dictionary_note="一行一个词，可以加词频和词性：东直门 100 ns",
        synonyms="同义词",
        synonyms_note="一行一组，用空格分开：新冠 新冠肺炎 新型冠状病毒",
        preview="预览",
        preview_note="输入一个问题，看看改动前后怎样断词、最前面的结果怎样变化。",
        preview_question="试一个问题",
        before="现在",
        after="改后",
        cut="断成",
        terms="查找的词",
        hits="最前面的结果",
        new_hit="新",
        moved="原第 {rank}",
        gone="（改后不在前列）",
        same="不变",
        among="只比较最接近的 {count} 段。",
        save="保存",
        saved="已保存，正在重建索引。",
        unsaved="有未保存的改动",
        review_lead="人们问了什么，答得怎样。保留 {days} 天。",
        review_off="没有保留问题记录（WENBAO_REVIEW_DAYS=0）。",
        asked="问过的问题",
        unanswered="没有答案的问题",
        unanswered_note="相同的问题合在一起，问得最多的在前。",
        outcome="结果",
        every="全部",
        thumb="评价",
        thumbs={"up": "有用", "down": "没用", "none": "未评价"},
        reasons={
            "wrong_passage": "段落不对",
            "not_in_articles": "文章里没有",
            "ocr_error": "识别错误",
            "other": "其他",
        },
        surface="来自",
        surfaces={"chat": "对话", "api": "接口", "widget": "网站小窗", "mcp": "MCP"},
        since="从",
        until="到",
        text="文字",
        apply="筛选",
        when="时间",
        question="问题",
        answer="回答",
        confidence="把握",
        took="用时",
        times="次数",
        details="详情",
        searched_as="实际查找：",
        earlier="之前的问题：",
        passages="找到的段落",
        comment="留言：",
        asked_by_day="每天的问题",
        asked_by_day_text="{questions} 个问题，其中 {answered} 个有答案。",
        day="日期",
        number_of_questions="问题数",
        confidence_plot="回答的把握",
        confidence_plot_text="{answered} 个回答的把握，从 0% 到 100%。",
        took_plot_text="{questions} 个问题的用时。",
        milliseconds="毫秒",
        took_summary="用时：一半在 {p50} 毫秒内，95% 在 {p95} 毫秒内",
        export="导出",
        clear="全部删除",
        confirm_clear="删除所有问题和评价的记录？无法恢复。",
        cleared="记录已全部删除。",
        gold="作为标准题",
        gold_made="已是标准题",
        gold_note="写入 gold.jsonl，供 wenbao eval 测量。",
        gold_evidence="原文中回答它的文字",
        gold_file="文件",
        gold_answer="简短答案",
        gold_none="这些文章不回答这个问题",
        gold_save="保存",
        gold_saved="已写入 gold.jsonl。",
    ),
    "zh-hant": DeskWords(
        admin_title="需要管理員權杖",
        admin_note="這個頁面只給管理員看。在伺服器上用 wenbao keys 產生權杖；它只保存在這個分頁裡。",
        admin_label="管理員權杖",
        admin_send="開啟",
        admin_wrong="這個權杖不對，或沒有管理員權限。",
        loading="正在讀取…",
        failed="出錯了，請再試一次。",
        cancel="取消",
        close="關閉",
        table="資料表",
        showing="第 {first}–{last} 條，共 {total} 條",
        previous="上一頁",
        following="下一頁",
        nothing="沒有符合的內容。",
        delete="刪除",
        corpus_lead="這裡收錄了哪些文章，它們是怎樣切分的，用詞怎樣斷開。",
        figures="概況",
        counts={"files": "檔案", "articles": "文章", "sections": "小節", "passages": "段落"},
        model="向量模型：{name}，{dim} 維",
        articles_by_file="每個檔案的文章數",
        files_by_articles="一個檔案有幾篇文章",
        articles_by_file_text="{files} 個檔案共有 {articles} 篇文章，最多的一個有 {most} 篇。",
        files_by_articles_text="{files} 個檔案共有 {articles} 篇文章，最多的一個有 {most} 篇。",
        passages_by_length="段落長度",
        passages_by_length_text="{passages} 段，長度中位數 {median} 字，最長 {most} 字。",
        number_of_articles="文章數",
        number_of_files="檔案數",
        number_of_passages="段落數",
        characters="字數",
        upload="新增文章",
        drop="把檔案拖到這裡，或者",
        choose="選擇檔案",
        choose_folder="選擇資料夾",
        upload_note="txt、md、html、docx、pdf，或裝有這些檔案的 zip；每個最大 {mb} MB。同名檔案會被新的取代。",
        sending="正在傳送 {percent}%",
        states={
            "sending": "傳送中",
            "waiting": "等待整理",
            "opened": "已開啟",
            "added": "已新增",
            "changed": "已更新",
            "unchanged": "沒有變化",
            "problem": "未收錄",
        },
        doing={"read": "正在讀檔案", "embed": "正在計算向量 {done}/{total}", "terms": "正在建立索引 {done}/{total}"},
        job_states={"running": "進行中", "done": "完成", "failed": "失敗"},
        kinds={"upload": "上傳", "index": "整理索引", "terms": "更新用詞"},
        jobs="最近的操作",
        articles="文章",
        files="檔案",
        search="尋找",
        search_note="標題或檔名",
        headline="標題",
        file="檔案",
        origin="來源",
        from_upload="上傳",
        from_folder="資料夾 {name}",
        from_path="單個檔案",
        untitled="無標題片段",
        split="怎樣切分",
        split_note="{sections} 個小節，{passages} 段。查找的單位是段。",
        passage="第 {number} 段 · {chars} 字 · 第 {start}–{end} 字",
        furniture="不屬於正文的內容",
        furniture_kinds={
            "masthead": "報頭",
            "banner": "版名",
            "imprint": "版權資訊",
            "running head": "書眉",
            "rule": "分隔線",
            "advertisement": "廣告",
            "contact": "聯絡方式",
            "credit": "署名",
        },
        confirm_article="刪除文章「{name}」？它會立即從所有回答中消失。",
        confirm_file="刪除檔案「{name}」和其中的所有文章？它們會立即從所有回答中消失。",
        deleted="已刪除「{name}」。",
        index="整理索引",
        index_note="完成中斷的工作，或在換了模型、版本、用詞之後更新。平時不需要。",
        words="用詞",
        words_note="詞典告訴系統哪些字連成一個詞；同義詞讓問法不同的問題找到同一段。儲存後會重建詞語索引。",
        dictionary="詞典",
        dictionary_note="一行一個詞，可以加詞頻和詞性：東直門 100 ns",
        synonyms="同義詞",
        synonyms_note="一行一組，用空格分開：新冠 新冠肺炎 新型冠狀病毒",
        preview="預覽",
        preview_note="輸入一個問題，看看改動前後怎樣斷詞、最前面的結果怎樣變化。",
        preview_question="試一個問題",
        before="現在",
        after="改後",
        cut="斷成",
        terms="查找的詞",
        hits="最前面的結果",
        new_hit="新",
        moved="原第 {rank}",
        gone="（改後不在前列）",
        same="不變",
        among="只比較最接近的 {count} 段。",
        save="儲存",
        saved="已儲存，正在重建索引。",
        unsaved="有未儲存的改動",
        review_lead="人們問了什麼，答得怎樣。保留 {days} 天。",
        review_off="沒有保留問題記錄（WENBAO_REVIEW_DAYS=0）。",
        asked="問過的問題",
        unanswered="沒有答案的問題",
        unanswered_note="相同的問題合在一起，問得最多的在前。",
        outcome="結果",
        every="全部",
        thumb="評價",
        thumbs={"up": "有用", "down": "沒用", "none": "未評價"},
        reasons={
            "wrong_passage": "段落不對",
            "not_in_articles": "文章裡沒有",
            "ocr_error": "辨識錯誤",
            "other": "其他",
        },
        surface="來自",
        surfaces={"chat": "對話", "api": "介面", "widget": "網站小窗", "mcp": "MCP"},
        since="從",
        until="到",
        text="文字",
        apply="篩選",
        when="時間",
        question="問題",
        answer="回答",
        confidence="把握",
        took="用時",
        times="次數",
        details="詳情",
        searched_as="實際查找：",
        earlier="之前的問題：",
        passages="找到的段落",
        comment="留言：",
        asked_by_day="每天的問題",
        asked_by_day_text="{questions} 個問題，其中 {answered} 個有答案。",
        day="日期",
        number_of_questions="問題數",
        confidence_plot="回答的把握",
        confidence_plot_text="{answered} 個回答的把握，從 0% 到 100%。",
        took_plot_text="{questions} 個問題的用時。",
        milliseconds="毫秒",
        took_summary="用時：一半在 {p50} 毫秒內，95% 在 {p95} 毫秒內",
        export="匯出",
        clear="全部刪除",
        confirm_clear="刪除所有問題和評價的記錄？無法復原。",
        cleared="記錄已全部刪除。",
        gold="作為標準題",
        gold_made="已是標準題",
        gold_note="寫入 gold.jsonl，供 wenbao eval 測量。",
        gold_evidence="原文中回答它的文字",
        gold_file="檔案",
        gold_answer="簡短答案",
        gold_none="這些文章不回答這個問題",
        gold_save="儲存",
        gold_saved="已寫入 gold.jsonl。",
    ),
    "en": DeskWords(
        admin_title="An admin token is needed",
        admin_note="This page is for who runs wenbao. `wenbao keys` makes a token on the server; it is kept in"
        " this tab only.",
        admin_label="Admin token",
        admin_send="Open",
        admin_wrong="This token is unknown, or isn't an admin's.",
        loading="Loading…",
        failed="Something went wrong; please try again.",
        cancel="Cancel",
        close="Close",
        table="Numbers",
        showing="{first}–{last} of {total}",
        previous="Previous",
        following="Next",
        nothing="Nothing fits.",
        delete="Delete",
        corpus_lead="Which articles there are, how they are split, and how words are cut.",
        figures="Overview",
        counts={"files": "Files", "articles": "Articles", "sections": "Sections", "passages": "Passages"},
        model="Vectors of the model {name}, {dim} dimensions",
        articles_by_file="Articles by file",
        files_by_articles="Articles in a file",
        articles_by_file_text="{files} files have {articles} articles, the fullest {most}.",
        files_by_articles_text="{files} files have {articles} articles, the fullest {most}.",
        passages_by_length="Passages by length",
        passages_by_length_text="{passages} passages, median length {median} characters, longest {most}.",
        number_of_articles="articles",
        number_of_files="files",
        number_of_passages="passages",
        characters="characters",
        upload="Add articles",
        drop="Drop files here, or",
        choose="Choose files",
        choose_folder="Choose a folder",
        upload_note="txt, md, html, docx, pdf, or a zip of these; up to {mb} MB each. A file of the same name is"
        " replaced.",
        sending="Sending {percent}%",
        states={
            "sending": "sending",
            "waiting": "waiting",
            "opened": "opened",
            "added": "added",
            "changed": "updated",
            "unchanged": "unchanged",
            "problem": "not taken",
        },
        doing={
            "read": "Reading files",
            "embed": "Computing vectors {done}/{total}",
            "terms": "Building the indexes {done}/{total}",
        },
        job_states={"running": "running", "done": "done", "failed": "failed"},
        kinds={"upload": "Upload", "index": "Indexes", "terms": "Words"},
        jobs="Latest jobs",
        articles="Articles",
        files="Files",
        search="Search",
        search_note="Headline or file name",
        headline="Headline",
        file="File",
        origin="From",
        from_upload="upload",
        from_folder="folder {name}",
        from_path="a file",
        untitled="Untitled fragment",
        split="How it is split",
        split_note="{sections} sections, {passages} passages. A passage is what a question finds.",
        passage="Passage {number} · {chars} characters · {start}–{end}",
        furniture="Set aside, no part of the text",
        furniture_kinds={
            "masthead": "masthead",
            "banner": "banner",
            "imprint": "imprint",
            "running head": "running head",
            "rule": "rule",
            "advertisement": "advertisement",
            "contact": "contact",
            "credit": "credit",
        },
        confirm_article="Delete the article “{name}”? It leaves every answer at once.",
        confirm_file="Delete the file “{name}” with all its articles? They leave every answer at once.",
        deleted="“{name}” is deleted.",
        index="Update the indexes",
        index_note="Finishes what was interrupted, or what a new model, version or dictionary needs. Seldom needed.",
        words="Words",
        words_note="The dictionary says which characters make one word; synonyms let different wordings find the same "
        "passage. Saving builds the word index anew.",
        dictionary="Dictionary",
        dictionary_note="A word a line; frequency and tag may follow: 东直门 100 ns",
        synonyms="Synonyms",
        synonyms_note="A group a line, parted by blanks: 新冠 新冠肺炎 新型冠状病毒",
        preview="Preview",
        preview_note="Type a question to see how it is cut before and after, and which first hits change.",
        preview_question="Try a question",
        before="Now",
        after="Then",
        cut="Cut into",
        terms="Searched terms",
        hits="First hits",
        new_hit="new",
        moved="was no. {rank}",
        gone="(no longer among the first)",
        same="unchanged",
        among="Compared among the {count} nearest passages.",
        save="Save",
        saved="Saved; the indexes are being built.",
        unsaved="Changes not saved yet",
        review_lead="What people asked, and how it was answered. Kept for {days} days.",
        review_off="No questions are kept (WENBAO_REVIEW_DAYS=0).",
        asked="Questions asked",
        unanswered="Questions without an answer",
        unanswered_note="Equal ones together, the most frequent first.",
        outcome="Outcome",
        every="All",
        thumb="Rating",
        thumbs={"up": "useful", "down": "not useful", "none": "unrated"},
        reasons={
            "wrong_passage": "wrong passage",
            "not_in_articles": "not in the articles",
            "ocr_error": "OCR error",
            "other": "other",
        },
        surface="Asked in",
        surfaces={"chat": "chat", "api": "API", "widget": "widget", "mcp": "MCP"},
        since="From",
        until="To",
        text="Text",
        apply="Filter",
        when="When",
        question="Question",
        answer="Answer",
        confidence="Sure",
        took="Took",
        times="Times",
        details="Details",
        searched_as="Searched as: ",
        earlier="Asked before: ",
        passages="Passages found",
        comment="Comment: ",
        asked_by_day="Questions by day",
        asked_by_day_text="{questions} questions, of which {answered} were answered.",
        day="day",
        number_of_questions="questions",
        confidence_plot="How sure the answers were",
        confidence_plot_text="The confidence of {answered} answers, from 0% to 100%.",
        took_plot_text="The time that {questions} questions took.",
        milliseconds="milliseconds",
        took_summary="Time taken: half within {p50} ms, 95% within {p95} ms",
        export="Export",
        clear="Delete all",
        confirm_clear="Delete everything that was asked and rated? It can't be brought back.",
        cleared="Everything is deleted.",
        gold="Make a gold question",
        gold_made="gold question",
        gold_note="Written to gold.jsonl, which `wenbao eval` measures.",
        gold_evidence="The words of the original that answer it",
        gold_file="File",
        gold_answer="Short answer",
        gold_none="The articles don't answer this",
        gold_save="Save",
        gold_saved="Written to gold.jsonl.",
    ),
}
